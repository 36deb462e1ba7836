"""What all our admin pages share: they show, and no form of theirs adds, changes or deletes anything, not even for superusers."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from jobs.admin.paging import CappedPaginator
from jobs.models import AuditEntry
from jobs.reading import TooSlow, reading

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin


_MOST_ACTS = 50


def acts_on(subject_type: str, subject_id: str) -> "QuerySet[AuditEntry]":
    """What was last done to a thing that is no job, the newest first: `entries` of its page."""
    return AuditEntry.objects.filter(subject_type=subject_type, subject_id=subject_id).order_by("-id")[:_MOST_ACTS]


def refuse_without(request: HttpRequest, *permissions: str) -> None:
    """
    Raises:
        PermissionDenied: one of them is missing; it names the first that is.
    """
    for permission in permissions:
        if not request.user.has_perm(permission):
            raise PermissionDenied(permission)


class ReadOnlyAdmin(ModelAdmin):
    """A list and a page for each row.

    Subclasses name `page_template` and say in `page_of` what stands on it; and in `needs`, by which permissions their actions are open.
    """

    page_template = "admin/jobs/facts.html"
    # The permissions behind the words that actions give as theirs.
    needs: Mapping[str, Sequence[str]] = {}
    paginator = CappedPaginator
    show_full_result_count = False
    list_display_links = None
    empty_value_display = ""
    list_max_show_all = 0
    list_per_page = 50

    def page_of(self, request: HttpRequest, noun: Any) -> dict[str, object]:
        """The context of a row's page."""
        raise NotImplementedError

    def noun(self, request: HttpRequest, object_id: str) -> Any:
        """The row that an address names; None when there is none. (PostgreSQL takes no text with a NUL.)"""
        return None if "\0" in object_id else self.get_object(request, unquote(object_id))

    def nothing_there(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Back to the index, with a message that says why."""
        return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined,no-any-return]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        self._refuse_strangers(request)
        self._refuse_act(request)
        if request.method not in ("GET", "HEAD"):
            return super().changelist_view(request, extra_context)
        try:
            with reading():
                answer = super().changelist_view(request, extra_context)
                # Rows are read while it is rendered.
                return answer.render() if isinstance(answer, TemplateResponse) else answer
        except TooSlow:
            title = str(self.opts.verbose_name_plural).capitalize()
            context = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
            return TemplateResponse(request, "admin/jobs/too_slow.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        self._refuse_strangers(request)
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied("Nothing here is changed by a form.")
        noun = self.noun(request, object_id)
        if noun is None:
            return self.nothing_there(request, object_id)
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": str(noun), "noun": noun}
        return TemplateResponse(request, self.page_template, context | self.page_of(request, noun) | (extra_context or {}))

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None) -> HttpResponse:
        raise PermissionDenied("Nothing is added here by a form.")

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        raise PermissionDenied("Nothing here is deleted by a form.")

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """What Django logs of forms is nothing here; what was done stands in the audit log, and on the page."""
        self._refuse_strangers(request)
        return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[object_id]))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # Ours to ask: Django's takes the permission to change, which is refused above, for the permission to look.
        return any(request.user.has_perm(f"{self.opts.app_label}.{act}_{self.opts.model_name}") for act in ("view", "change"))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Nothing but the filters offered: any other column would be searched without an index."""
        return lookup in {getattr(offered, "parameter_name", None) for offered in self.list_filter}

    def _refuse_strangers(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied(f"{self.opts.app_label}.view_{self.opts.model_name}")

    def _refuse_act(self, request: HttpRequest) -> None:
        """Django passes over an action that is not open to somebody, as if nothing had been asked for."""
        names, index = request.POST.getlist("action"), request.POST.get("index", "0")
        name = names[int(index)] if index.isdecimal() and len(index) < 4 and int(index) < len(names) else ""
        if name in (self.actions or ()) and name not in self.get_actions(request):
            refuse_without(request, *(permission for word in self._words_of(name) for permission in self.needs[word]))

    def _words_of(self, action: str) -> Sequence[str]:
        return getattr(self.get_action(action)[0], "allowed_permissions", ())  # type: ignore[index]
