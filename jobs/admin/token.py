"""Tokens: who has one, what it opens, when it was last used; issued here, shown once, and revoked."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import quote
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs import tokens
from jobs.admin.acting import ReasonForm, staff
from jobs.admin.filters import OneOf
from jobs.admin.readonly import ReadOnlyAdmin, refuse_without
from jobs.models import ApiToken, AuditEntry, Scope
from jobs.returning import back_to
from jobs.templatetags.jobs import NONE, ago

_LIVES = {"7": "In 7 days", "30": "In 30 days", "90": "In 90 days", "365": "In a year", "": "Never"}
_BADGES = {"live": "s-completed", "expired": "s-queued", "revoked": "s-cancelled"}


class IssueForm(forms.Form):
    name = forms.CharField(
        max_length=100,
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "off"}),
        help_text="Who it is for: A-Z a-z 0-9 . _ -. It stands as createdBy on the jobs it makes. At most two tokens of one name live.",
    )
    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, f"{scope.value}: {scope.meaning}") for scope in Scope],
        widget=forms.CheckboxSelectMultiple,
        help_text="What it opens. No more than the program needs.",
    )
    orchestrator_id = forms.CharField(
        max_length=128,
        required=False,
        label="Orchestrator",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="The id of the one orchestrator that it speaks for; needed to orchestrate, empty for producers and readers.",
    )
    expires_in = forms.ChoiceField(choices=[*_LIVES.items()], required=False, initial="90", label="Expires")


class StateFilter(OneOf):
    title = parameter_name = "state"
    template = "admin/jobs/filter_tabs.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state, state.capitalize()) for state in _BADGES]

    def narrowed(self, queryset: QuerySet[Any], chosen: str) -> QuerySet[Any]:
        living = ApiToken.objects.live()
        if chosen == "live":
            return queryset.filter(pk__in=living)
        return queryset.filter(revoked_at__isnull=chosen == "expired").exclude(pk__in=living)


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    page_template = "admin/jobs/token.html"
    list_display = ["token", "state", "speaks_for", "opens", "issued", "used", "expires"]
    list_filter = [StateFilter]
    sortable_by = ()
    ordering = ["-created_at", "public_id"]
    search_fields = ["name"]
    search_help_text = "Beginning of a name, or a public id"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("jobs.add_apitoken")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("jobs.change_apitoken")

    def get_urls(self) -> list[URLPattern]:
        revoke = self.admin_site.admin_view(self.revoke_view)
        return [path("<path:object_id>/revoke/", revoke, name="jobs_apitoken_revoke"), *super().get_urls()]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search_term.strip()
        return queryset.filter(Q(name__startswith=term) | Q(public_id=term)), False

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The form, and then the one page that ever shows the token. No redirect between the two: it would have to be kept."""
        refuse_without(request, "jobs.add_apitoken")
        back = back_to(request, reverse("admin:jobs_apitoken_changelist"))
        form = IssueForm(request.POST) if request.method == "POST" else IssueForm(initial=_asked_for(request))
        if form.is_valid():
            told = form.cleaned_data
            days = told["expires_in"]
            try:
                issued = tokens.issue(
                    told["name"],
                    scopes=told["scopes"],
                    orchestrator_id=told["orchestrator_id"] or None,
                    expires_in=timedelta(days=int(days)) if days else None,
                    by=staff(request),
                )
            except tokens.TokenRefused as refusal:
                form.add_error(None, str(refusal))
            else:
                return self._page(
                    request, "admin/jobs/token_issued.html", title="Token issued", token=issued.token, text=issued.text, back=back
                )
        return self._page(request, "admin/jobs/issue_token.html", title="Issue a token", form=form, back=back)

    def revoke_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        refuse_without(request, "jobs.change_apitoken")
        token = self.noun(request, object_id)
        if token is None:
            return self.nothing_there(request, object_id)
        back = back_to(request, _url("change", token))
        form = ReasonForm(request.POST) if request.method == "POST" else ReasonForm()
        if not form.is_valid():
            return self._page(
                request, "admin/jobs/revoke_token.html", title=f"Revoke a token of {token.name}", token=token, form=form, back=back
            )
        done = tokens.revoke(token.public_id, by=staff(request), reason=form.cleaned_data["reason"])
        messages.success(request, f"Revoked: {token}. Every server refuses it within a second." if done else f"{token} was revoked before.")
        return HttpResponseRedirect(back)

    def page_of(self, request: HttpRequest, noun: Any) -> dict[str, object]:
        token: ApiToken = noun
        return {
            "title": token.name,
            "revoke": _url("revoke", token) if token.state == "live" and self.has_revoke_permission(request) else "",
            "facts": [
                ("State", self.state(token)),
                ("Public id", format_html('<span class="id">{}</span>', token.public_id)),
                ("Speaks for", self.speaks_for(token)),
                ("Opens", self.opens(token)),
                ("Issued", format_html("{} by {}", ago(token.created_at), token.created_by)),
                ("Last used", self.used(token)),
                ("Expires", self.expires(token)),
            ],
            "entries": AuditEntry.objects.filter(subject_type="token", subject_id=token.public_id).order_by("id"),
        }

    @admin.display(description="Token")
    def token(self, token: ApiToken) -> SafeString:
        return format_html(
            '<a class="plain" href="{}">{}</a> <span class="id">{}</span>', _url("change", token), token.name, token.public_id
        )

    @admin.display(description="State")
    def state(self, token: ApiToken) -> SafeString:
        return format_html('<span class="badge {}">{}</span>', _BADGES[token.state], token.state.capitalize())

    @admin.display(description="Speaks for")
    def speaks_for(self, token: ApiToken) -> str:
        return token.orchestrator_id or NONE

    @admin.display(description="Opens")
    def opens(self, token: ApiToken) -> str:
        return ", ".join(token.scopes)

    @admin.display(description="Issued")
    def issued(self, token: ApiToken) -> SafeString:
        return ago(token.created_at)

    @admin.display(description="Last used")
    def used(self, token: ApiToken) -> SafeString:
        return ago(token.last_used_at) if token.last_used_at else format_html('<span class="q">{}</span>', "never")

    @admin.display(description="Expires")
    def expires(self, token: ApiToken) -> SafeString:
        return ago(token.expires_at) if token.expires_at else format_html('<span class="q">{}</span>', "never")

    def _page(self, request: HttpRequest, template: str, **context: object) -> HttpResponse:
        return TemplateResponse(request, template, {**self.admin_site.each_context(request), "opts": self.opts, **context})


def _asked_for(request: HttpRequest) -> dict[str, object]:
    """What the form begins with: `orchestrator`, whom the token is to speak for, or `like`, the token that it is to take the place of."""
    if orchestrator_id := request.GET.get("orchestrator"):
        return {"name": orchestrator_id, "orchestrator_id": orchestrator_id, "scopes": [Scope.ORCHESTRATE]}
    like = request.GET.get("like", "")
    earlier = None if "\0" in like else ApiToken.objects.filter(public_id=like).first()
    return {"name": earlier.name, "orchestrator_id": earlier.orchestrator_id or "", "scopes": earlier.scopes} if earlier else {}


def _url(page: str, token: ApiToken) -> str:
    return reverse(f"admin:jobs_apitoken_{page}", args=[quote(token.public_id)])
