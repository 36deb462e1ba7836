"""Endpoints of webhooks: made here, with a secret that is shown once; changed, tested, silenced."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import quote
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_variables

from jobs.admin.acting import ReasonForm, staff
from jobs.admin.readonly import ReadOnlyAdmin, acts_on, refuse_without
from jobs.admin.webhook_form import EndpointForm, RotateForm
from jobs.models import WebhookEndpoint
from jobs.returning import back_to
from jobs.templatetags.jobs import NONE, ago
from jobs.webhooks import endpoints
from jobs.webhooks.endpoints import BOTH_SIGN, EndpointRefused, Registered


@dataclass(frozen=True)
class Act:
    """
    Attributes:
        consequence: of it, for who is about to say it.
        enabled: offered while the endpoint is; None: always.
    """

    icon: str
    consequence: str
    enabled: bool | None = None
    form: type[ReasonForm] = ReasonForm


ACTS = {
    "test": Act("right", "A message that tells of no job is sent, signed like any other.", enabled=True),
    "configure": Act(
        "layers", "It holds for what changes from now on. What is pending is sent to where the endpoint is then.", form=EndpointForm
    ),
    "rotate": Act("retry", "The receiver gets a new secret, which is shown once, on the next page.", form=RotateForm),
    "disable": Act("pause", "Nothing more is sent. What changes meanwhile is not told to it at all; what is pending waits.", enabled=True),
    "enable": Act("right", "What changes from now on is told to it, and what is pending is sent.", enabled=False),
    "discard": Act("stop", "What is pending is given up. Each delivery can be redelivered."),
}


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin):
    page_template = "admin/jobs/acts.html"
    list_display = ["endpoint", "state", "address", "hears", "made"]
    sortable_by = ()
    ordering = ["name"]
    search_fields = ["name"]
    search_help_text = "Beginning of a name"

    def get_urls(self) -> list[URLPattern]:
        views = ((name, self.admin_site.admin_view(partial(self._ask_or_act, name=name))) for name in ACTS)
        return [
            *(path(f"<path:object_id>/{name}/", view, name=f"jobs_webhookendpoint_{name}") for name, view in views),
            *super().get_urls(),
        ]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return queryset.filter(name__startswith=search_term.strip()), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("jobs.add_webhookendpoint")

    def has_act_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("jobs.change_webhookendpoint")

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The form, and then the one page that ever shows the secret."""
        refuse_without(request, "jobs.add_webhookendpoint")
        form = EndpointForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                registered = endpoints.create(form.wish(), by=staff(request), reason=form.cleaned_data["reason"])
            except EndpointRefused as refusal:
                form.add_error(None, str(refusal))
            else:
                return self._show_once(request, registered)
        context = {"title": "Add an endpoint", "form": form, "consequence": "It hears of what changes from now on."}
        return self._page(request, "admin/jobs/act_on_webhook.html", **context, back=reverse("admin:jobs_webhookendpoint_changelist"))

    def page_of(self, request: HttpRequest, noun: Any) -> dict[str, object]:
        endpoint: WebhookEndpoint = noun
        deliveries = reverse("admin:jobs_webhookdelivery_changelist")
        offered = (
            [name for name, act in ACTS.items() if act.enabled in (None, endpoint.enabled)] if self.has_act_permission(request) else []
        )
        signing = [secret.signs_until for secret in endpoint.secrets.defer("text").order_by("-id")]
        return {
            "acts": [{"name": name, "icon": ACTS[name].icon, "url": _url(name, endpoint)} for name in offered],
            "facts": [
                ("State", self.state(endpoint)),
                ("URL", self.address(endpoint)),
                ("Description", endpoint.description or NONE),
                ("Events", self.hears(endpoint)),
                ("Types", ", ".join(endpoint.types) or "all"),
                ("Categories", ", ".join(endpoint.categories) or "all"),
                ("Silent until", ago(endpoint.quiet_until)),
                ("Old secret signs until", ago(next((until for until in signing if until), None))),
                ("Made", self.made(endpoint)),
                ("Deliveries", format_html('<a href="{}?endpoint={}">All its deliveries</a>', deliveries, endpoint.id)),
            ],
            "entries": acts_on("webhook", str(endpoint.id)),
        }

    @admin.display(description="Endpoint")
    def endpoint(self, endpoint: WebhookEndpoint) -> SafeString:
        return format_html('<a class="plain" href="{}">{}</a>', _url("change", endpoint), endpoint.name)

    @admin.display(description="State")
    def state(self, endpoint: WebhookEndpoint) -> SafeString:
        if not endpoint.enabled:
            return format_html('<span class="badge s-cancelled">Disabled</span> <span class="q">{}</span>', endpoint.disabled_reason)
        if endpoint.failing_since:
            return format_html('<span class="badge s-failed">Failing</span> <span class="q">began {}</span>', ago(endpoint.failing_since))
        return format_html('<span class="badge s-completed">{}</span>', "Enabled")

    @admin.display(description="URL")
    def address(self, endpoint: WebhookEndpoint) -> str:
        return endpoint.shown_url

    @admin.display(description="Events")
    def hears(self, endpoint: WebhookEndpoint) -> str:
        return ", ".join(endpoint.events) or "all"

    @admin.display(description="Made")
    def made(self, endpoint: WebhookEndpoint) -> SafeString:
        return format_html("{} by {}", ago(endpoint.created_at), endpoint.created_by)

    def _ask_or_act(self, request: HttpRequest, object_id: str, *, name: str) -> HttpResponse:
        refuse_without(request, "jobs.change_webhookendpoint")
        endpoint = self.noun(request, object_id)
        if endpoint is None:
            return self.nothing_there(request, object_id)
        said = EndpointForm.said_of(endpoint) if name == "configure" else None
        form = ACTS[name].form(request.POST if request.method == "POST" else None, initial=said)
        if form.is_valid():
            try:
                return self._act(request, name, endpoint, form)
            except EndpointRefused as refusal:
                form.add_error(None, str(refusal))
        context = {"title": f"{name.capitalize()} {endpoint.name}", "form": form, "consequence": ACTS[name].consequence}
        return self._page(request, "admin/jobs/act_on_webhook.html", **context, back=back_to(request, _url("change", endpoint)))

    def _act(self, request: HttpRequest, name: str, endpoint: WebhookEndpoint, form: Any) -> HttpResponse:
        by, reason = staff(request), form.cleaned_data["reason"]
        if name == "rotate":
            both_for = timedelta(0) if form.cleaned_data["leaked"] else BOTH_SIGN
            return self._show_once(request, endpoints.rotate(endpoint.id, by=by, reason=reason, both_for=both_for))
        if name == "configure":
            endpoints.configure(endpoint.id, form.wish(), by=by, reason=reason)
            told = f"Configured: {endpoint.name}."
        else:
            act: Callable[..., object] = {
                "test": endpoints.send_test,
                "disable": endpoints.disable,
                "enable": endpoints.enable,
                "discard": endpoints.discard,
            }[name]
            told = _told(name, endpoint, act(endpoint.id, by=by, reason=reason))
        messages.success(request, told)
        return HttpResponseRedirect(back_to(request, _url("change", endpoint)))

    @sensitive_variables("registered")
    def _show_once(self, request: HttpRequest, registered: Registered) -> HttpResponse:
        return self._page(request, "admin/jobs/webhook_secret.html", title="Secret", endpoint=registered.endpoint, text=registered.secret)

    def _page(self, request: HttpRequest, template: str, **context: object) -> HttpResponse:
        return TemplateResponse(request, template, {**self.admin_site.each_context(request), "opts": self.opts, **context})


def _told(name: str, endpoint: WebhookEndpoint, outcome: object) -> str:
    """What was done, in words."""
    if name == "test":
        return f"A test is on its way to {endpoint.name}, as {outcome}."
    if name == "discard":
        return f"{outcome} deliveries for {endpoint.name} were discarded."
    return f"{name.capitalize()}d: {endpoint.name}." if outcome else f"{endpoint.name} was {name}d already."


def _url(page: str, endpoint: WebhookEndpoint) -> str:
    return reverse(f"admin:jobs_webhookendpoint_{page}", args=[quote(str(endpoint.id))])
