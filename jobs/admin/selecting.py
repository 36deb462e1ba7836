"""From the list of jobs to a bulk operation: all that match the list's filters, or more than one page of them, asked and begun at once.

Which jobs they are stands in the address of the list, so it is settled when the reason comes, as the list is then.
"""

import re
import secrets
from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from jobs import bulk
from jobs.admin.acting import MOST_AT_ONCE, ReasonForm, ask, form_for, selected_in, shares_of, staff
from jobs.bulk import BulkAction, Selection, TooManyJobs
from jobs.ids import is_id
from jobs.lifecycle import ActorKind
from jobs.models import BulkOperation, Job
from jobs.returning import back_to
from jobs.roles import ACT_ON_MANY, may_act_on

if TYPE_CHECKING:
    from jobs.admin.readonly import ReadOnlyAdmin

# Of the address, what orders and pages the list.
_NO_FILTERS = {"o", "p", "all", "_changelist_filters"}
# What the form that asks holds.
_FORM_KEY = re.compile(r"[0-9a-f]{32}")
_COUNT = re.compile(r"[0-9]{1,9}")


def is_for_many(request: HttpRequest) -> bool:
    """Whether it was asked for all that match, or for more than are done at once."""
    return is_across(request) or len(selected_in(request)) > MOST_AT_ONCE


def is_across(request: HttpRequest) -> bool:
    return request.POST.get("select_across") not in (None, "", "0")


def tick_for_all(request: HttpRequest) -> None:
    """Django does nothing where nothing is ticked, whatever else the form says."""
    if is_across(request) and not selected_in(request):
        form = request.POST.copy()
        form[ACTION_CHECKBOX_NAME] = "all"
        request.POST = form  # type: ignore[assignment]


def may_act_on_many(request: HttpRequest) -> bool:
    return request.user.has_perm("jobs.add_bulkoperation")


def refuse_many(request: HttpRequest, count: int) -> None:
    """
    Raises:
        PermissionDenied: these are more jobs than the one who asks may act on at once; it names the permission.
    """
    if not may_act_on(request.user, count):
        raise PermissionDenied(ACT_ON_MANY)


def ask_or_begin(admin: "ReadOnlyAdmin", request: HttpRequest, action: BulkAction, jobs: "QuerySet[Job]", *, words: str) -> HttpResponse:
    """An admin action on many: first the page that asks, and when that comes back with a reason, the operation, which then runs.

    Args:
        jobs: what the list shows, under its filters.
        words: what these say.
    """
    if not may_act_on_many(request):
        raise PermissionDenied("jobs.add_bulkoperation")
    form = form_for(action, request)
    try:
        selection = _selection(request, jobs, words)
        if not form.is_valid():
            return _question(admin, request, action, form, selection)
        operation = _begun(request, action, form, selection)
    except TooManyJobs as refusal:
        messages.error(request, str(refusal))
        return HttpResponseRedirect(_back(request))
    _tell(request, operation)
    return HttpResponseRedirect(_page_of(request, operation))


def words_of(request: HttpRequest) -> str:
    """What the filters of a list of the admin say."""
    said = [f"{name} is {value}" for name, value in request.GET.items() if name not in _NO_FILTERS and value]
    return ", ".join(said) or "all jobs"


def _back(request: HttpRequest) -> str:
    return back_to(request, request.get_full_path())


def _selection(request: HttpRequest, jobs: "QuerySet[Job]", words: str) -> Selection:
    if not is_across(request):
        return Selection(ids=[job_id for job_id in selected_in(request) if is_id(job_id)])
    return Selection.of(jobs, words=words)


def _question(admin: "ReadOnlyAdmin", request: HttpRequest, action: BulkAction, form: ReasonForm, selection: Selection) -> HttpResponse:
    preview = bulk.preview_of(action, selection, by=ActorKind.USER)
    refuse_many(request, preview["count"])
    return ask(
        admin,
        request,
        action,
        form,
        shares=shares_of(preview["byStatus"], action),
        missing=preview["missing"],
        selected=preview["count"] + preview["missing"],
        concerned=preview["wouldChange"],
        sample=preview["sample"],
        more=preview["wouldChange"] - len(preview["sample"]),
        ids=[] if is_across(request) else selected_in(request),
        across=is_across(request),
        words=selection.told,
        form_key=_form_key(request) or secrets.token_hex(16),
        back=_back(request),
    )


def _begun(request: HttpRequest, action: BulkAction, form: ReasonForm, selection: Selection) -> BulkOperation:
    by, key = staff(request), _form_key(request)
    with transaction.atomic():
        operation = bulk.create(action.name, selection, by=by, arguments=form.arguments, form_key=key)
        confirmed = bulk.confirm(operation.id, by=by, reason=form.cleaned_data["reason"])
        refuse_many(request, confirmed.selected or 0)
        return confirmed


def _form_key(request: HttpRequest) -> str | None:
    """Of the form that is sent; what is none that we made is as if it were missing."""
    key = request.POST.get("form_key", "")
    return key if _FORM_KEY.fullmatch(key) else None


def _page_of(request: HttpRequest, operation: BulkOperation) -> str:
    """Where its progress is seen, by whoever may look at it there."""
    name = "pages:bulk_operation" if request.user.has_perm("jobs.view_bulkoperation") else "admin:jobs_bulkoperation_change"
    return reverse(name, args=[operation.id])


def _tell(request: HttpRequest, operation: BulkOperation) -> None:
    shown = request.POST.get("shown", "")
    other = f" {int(shown):,} were shown." if _COUNT.fullmatch(shown) and int(shown) != operation.selected else ""
    messages.success(request, f"{operation.selected:,} jobs selected.{other} The sweep loop carries it out.")
