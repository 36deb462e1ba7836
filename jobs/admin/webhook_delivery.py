"""Deliveries of webhooks: what was told to whom, what came back, and once more."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.admin.acting import ReasonForm, staff
from jobs.admin.filters import OneOf
from jobs.admin.readonly import ReadOnlyAdmin, refuse_without
from jobs.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from jobs.returning import back_to
from jobs.templatetags.jobs import NONE, ago, job_link
from jobs.webhooks import endpoints
from jobs.webhooks.endpoints import EndpointRefused

_BADGES = {
    DeliveryState.PENDING: "s-queued",
    DeliveryState.DELIVERED: "s-completed",
    DeliveryState.FAILED: "s-failed",
    DeliveryState.DISCARDED: "s-cancelled",
}
_MOST_ATTEMPTS = 50


class DeliveryStateFilter(OneOf):
    title = parameter_name = column = "state"
    template = "admin/jobs/filter_tabs.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state.value, state.value.capitalize()) for state in DeliveryState]


class EndpointFilter(OneOf):
    title = parameter_name = "endpoint"
    column = "endpoint_id"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(number), name) for number, name in WebhookEndpoint.objects.order_by("name").values_list("id", "name")]


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    page_template = "admin/jobs/webhook_delivery.html"
    list_display = ["message", "state_badge", "to", "job", "answered", "tried", "made"]
    list_filter = [DeliveryStateFilter, EndpointFilter]
    list_select_related = ["endpoint"]
    sortable_by = ()
    ordering = ["-id"]
    search_fields = ["job_id"]
    search_help_text = "A job's id"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.redeliver_view)
        return [path("<path:object_id>/redeliver/", view, name="jobs_webhookdelivery_redeliver"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        return WebhookDelivery.objects.select_related("endpoint")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search_term.strip()
        return queryset.filter(job_id=term) if term else queryset, False

    def has_redeliver_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("jobs.change_webhookdelivery")

    def page_of(self, request: HttpRequest, noun: Any) -> dict[str, object]:
        delivery: WebhookDelivery = noun
        act = {"name": "redeliver", "icon": "retry", "url": _url("redeliver", delivery)}
        return {
            "title": delivery.event,
            "acts": [act] if self.has_redeliver_permission(request) and delivery.endpoint.enabled else [],
            "facts": [
                ("State", self.state_badge(delivery)),
                ("Endpoint", self.to(delivery)),
                ("Job", self.job(delivery)),
                ("Event id", format_html('<span class="id">{}</span>', delivery.event_id)),
                ("Made", ago(delivery.made_at)),
                ("Tries", str(delivery.tries)),
                ("Next try", ago(delivery.next_try_at)),
                ("Settled", ago(delivery.settled_at)),
            ],
            "body": delivery.body,
            "attempts": delivery.attempts.order_by("-number")[:_MOST_ATTEMPTS],
        }

    def redeliver_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        refuse_without(request, "jobs.change_webhookdelivery")
        delivery = self.noun(request, object_id)
        if delivery is None:
            return self.nothing_there(request, object_id)
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                endpoints.redeliver(delivery.id, by=staff(request), reason=form.cleaned_data["reason"])
            except EndpointRefused as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, f"It is on its way to {delivery.endpoint} once more.")
                return HttpResponseRedirect(back_to(request, _url("change", delivery)))
        context = {
            "title": f"Redeliver {delivery.event}",
            "opts": self.opts,
            "form": form,
            "consequence": f"{delivery.endpoint} gets it now, with the same id and body; if that fails, by the schedule anew.",
            "back": back_to(request, _url("change", delivery)),
        }
        return TemplateResponse(request, "admin/jobs/act_on_webhook.html", self.admin_site.each_context(request) | context)

    @admin.display(description="Event")
    def message(self, delivery: WebhookDelivery) -> SafeString:
        return format_html('<a class="plain" href="{}">{}</a>', _url("change", delivery), delivery.event)

    @admin.display(description="State")
    def state_badge(self, delivery: WebhookDelivery) -> SafeString:
        state = DeliveryState(delivery.state)
        return format_html('<span class="badge {}">{}</span>', _BADGES[state], state.capitalize())

    @admin.display(description="Endpoint")
    def to(self, delivery: WebhookDelivery) -> SafeString:
        url = reverse("admin:jobs_webhookendpoint_change", args=[delivery.endpoint_id])
        return format_html('<a href="{}">{}</a>', url, delivery.endpoint)

    @admin.display(description="Job")
    def job(self, delivery: WebhookDelivery) -> SafeString:
        return job_link(delivery.job_id)

    @admin.display(description="Answer")
    def answered(self, delivery: WebhookDelivery) -> str:
        return delivery.last_error or (str(delivery.last_status) if delivery.last_status else NONE)

    @admin.display(description="Tries")
    def tried(self, delivery: WebhookDelivery) -> int:
        return delivery.tries

    @admin.display(description="Made")
    def made(self, delivery: WebhookDelivery) -> SafeString:
        return ago(delivery.made_at)


def _url(page: str, delivery: WebhookDelivery) -> str:
    return reverse(f"admin:jobs_webhookdelivery_{page}", args=[delivery.id])
