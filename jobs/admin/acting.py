"""Staff act on jobs: asked once more on a page that wants a reason, then through the door, then told what became of each."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models.functions import Left
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from jobs.actors import Actor
from jobs.bulk import BulkAction
from jobs.ids import is_id
from jobs.lifecycle import Act, ActorKind, Status, Verb
from jobs.models import Job
from jobs.returning import back_to
from jobs.verdicts import NO_SUCH_JOB, Verdict

if TYPE_CHECKING:
    from jobs.admin.readonly import ReadOnlyAdmin

# As many as a page of the list shows; more are an operation (jobs/admin/selecting.py).
MOST_AT_ONCE = 50
SAMPLE = 8
# What an action comes to for a job, by whether somebody holds it.
_CONSEQUENCES: dict[tuple[str, bool], str] = {
    (Verb.RETRY, False): "will go back to the queue, with at least one more attempt",
    (Verb.CANCEL, False): "will be cancelled at once",
    (Verb.CANCEL, True): "its orchestrator will be asked to stop",
    (Verb.RELEASE, True): "will go back to the queue, no attempt counted",
    (Act.EDIT, False): "will have the new priority",
}
_TITLES: dict[str, str] = {Act.EDIT: "Set the priority of"}


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3, "autofocus": True}),
        help_text="Kept in the audit log.",
        error_messages={"required": "Say why: it stands in the audit log."},
    )

    @property
    def arguments(self) -> dict[str, object]:
        """What the action needs to know besides the reason."""
        return {name: value for name, value in self.cleaned_data.items() if name != "reason"}


class PriorityForm(ReasonForm):
    priority = forms.IntegerField(min_value=0, max_value=100, help_text="0 to 100, higher is claimed first.")
    field_order = ("priority", "reason")


@dataclass(frozen=True)
class Share:
    """Jobs of the selection in one status, and what the action comes to for them.

    Attributes:
        legal: it may be done to them; they are left out otherwise.
    """

    status: Status
    count: int
    legal: bool
    consequence: str


def ask_or_act(admin: "ReadOnlyAdmin", request: HttpRequest, action: BulkAction) -> HttpResponse:
    """An admin action on jobs of one page: first the page that asks, and when that comes back with a reason, the act itself."""
    selected = selected_in(request)[:MOST_AT_ONCE]
    # What no job can be called is known without asking, and PostgreSQL takes no text with a NUL.
    ids = [job_id for job_id in selected if is_id(job_id)]
    form = form_for(action, request)
    if not form.is_valid():
        return ask(admin, request, action, form, **_question(action, ids), ids=ids, back=_back(request))
    tell(
        request, action.apply(ids, form.arguments, by=staff(request), reason=form.cleaned_data["reason"]), unknown=len(selected) - len(ids)
    )
    return HttpResponseRedirect(_back(request))


def selected_in(request: HttpRequest) -> list[str]:
    """The ids that were ticked, each once."""
    return list(dict.fromkeys(request.POST.getlist(ACTION_CHECKBOX_NAME)))


def form_for(action: BulkAction, request: HttpRequest) -> ReasonForm:
    """What is asked before the action: as it was sent, if it was."""
    kind = PriorityForm if action.takes else ReasonForm
    return kind(request.POST) if "confirmed" in request.POST else kind()


def ask(admin: "ReadOnlyAdmin", request: HttpRequest, action: BulkAction, form: ReasonForm, **context: object) -> HttpResponse:
    """The page that asks.

    Args:
        context: `shares`, `concerned` (how many would change), a `sample` of them, `missing`, `selected`, `ids` and where `back` leads.
    """
    concerned = context["concerned"]
    words = _TITLES.get(action.name, action.name.capitalize())
    told: dict[str, object] = {
        "title": f"{words} {in_number(concerned)}" if concerned else f"{action.name.capitalize()}: nothing to do",
        "verb": action.name,
        "form": form,
        "checkbox": ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "admin/jobs/confirm.html", admin.admin_site.each_context(request) | told | context)


def staff(request: HttpRequest) -> Actor:
    """Who is signed in, as the one who acts."""
    return Actor.user(request.user.get_username(), request_id=request.META["jobsite.request_id"])


def tell(request: HttpRequest, verdicts: Sequence[Verdict], *, unknown: int = 0) -> None:
    """One message: how many of each kind, `unknown` more being no jobs at all."""
    done = Counter(verdict.words for verdict in verdicts if verdict.changed)
    skipped = Counter(verdict.words for verdict in verdicts if not verdict.changed)
    skipped[NO_SUCH_JOB] += unknown
    parts = [f"{count} {words}" for words, count in done.items()]
    parts += [f"{count} skipped: {words}" for words, count in skipped.items() if count]
    level = messages.SUCCESS if not skipped.total() else messages.WARNING if done else messages.ERROR
    messages.add_message(request, level, ", ".join(parts) + ".")


def shares_of(counts: Mapping[str, int], action: BulkAction) -> list[Share]:
    """A selection by status, in the order of the life."""
    return [_share(status, counts[status], action) for status in Status if counts.get(status)]


def _question(action: BulkAction, ids: list[str]) -> dict[str, object]:
    known = Job.objects.filter(id__in=ids).only("id", "status", "type", "updated_at")
    jobs = list(known.annotate(error_head=Left("last_error", 2000)).order_by("-updated_at", "-id"))
    shares = shares_of(Counter(job.status for job in jobs), action)
    legal = {share.status for share in shares if share.legal}
    concerned = [job for job in jobs if Status(job.status) in legal]
    return {
        "shares": shares,
        "missing": len(ids) - len(jobs),
        "selected": len(ids),
        "concerned": len(concerned),
        "sample": concerned[:SAMPLE],
        "more": max(0, len(concerned) - SAMPLE),
    }


def _share(status: Status, count: int, action: BulkAction) -> Share:
    legal = action.is_open(status, ActorKind.USER)
    return Share(status, count, legal, _CONSEQUENCES[action.name, status.is_live] if legal else f"left out: already {status}")


def _back(request: HttpRequest) -> str:
    return back_to(request, request.get_full_path())


def in_number(count: object) -> str:
    """`1 job`, `1,284 jobs`."""
    return "1 job" if count == 1 else f"{count:,} jobs"
