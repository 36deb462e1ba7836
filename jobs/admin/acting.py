"""Staff act on jobs: asked once more on a page that wants a reason, then through the door, then told what became of each."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models.functions import Left
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from jobs import transitions
from jobs.actors import Actor
from jobs.ids import is_id
from jobs.lifecycle import ActorKind, Status, Verb, verbs_from
from jobs.models import Job
from jobs.templatetags.jobs import job_url
from jobs.transitions import Ruling, Step
from jobs.verdicts import NO_SUCH_JOB, verdict_on

if TYPE_CHECKING:
    from jobs.admin.readonly import ReadOnlyAdmin

MOST_AT_ONCE = 500
SAMPLE = 8
_CONSEQUENCES = {
    (Verb.RETRY, False): "will go back to the queue, with at least one more attempt",
    (Verb.CANCEL, False): "will be cancelled at once",
    (Verb.CANCEL, True): "its orchestrator will be asked to stop",
    (Verb.RELEASE, True): "will go back to the queue, no attempt counted",
}


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3, "autofocus": True}),
        help_text="Kept in the audit log.",
        error_messages={"required": "Say why: it stands in the audit log."},
    )


@dataclass(frozen=True)
class Share:
    """Jobs of the selection in one status, and what the verb comes to for them.

    Attributes:
        legal: the verb may be said of them; they are left out otherwise.
    """

    status: Status
    count: int
    legal: bool
    consequence: str


def ask_or_act(admin: "ReadOnlyAdmin", request: HttpRequest, verb: Verb) -> HttpResponse:
    """An admin action: first the page that asks, and when that comes back with a reason, the act itself."""
    selected = list(dict.fromkeys(request.POST.getlist(ACTION_CHECKBOX_NAME)))[:MOST_AT_ONCE]
    # What no job can be called is known without asking, and PostgreSQL takes no text with a NUL.
    ids = [job_id for job_id in selected if is_id(job_id)]
    form = ReasonForm(request.POST) if "confirmed" in request.POST else ReasonForm()
    if not form.is_valid():
        return TemplateResponse(
            request, "admin/jobs/confirm.html", admin.admin_site.each_context(request) | _question(request, verb, ids, form)
        )
    by = staff(request)
    steps = [Step(job_id=job_id, action=verb, reason=form.cleaned_data["reason"]) for job_id in ids]
    tell(request, transitions.apply(steps, by=by), unknown=len(selected) - len(ids))
    return HttpResponseRedirect(_back(request, ids))


def staff(request: HttpRequest) -> Actor:
    """Who is signed in, as the one who acts."""
    return Actor.user(request.user.get_username(), request_id=request.META["jobsite.request_id"])


def tell(request: HttpRequest, rulings: Sequence[Ruling], *, unknown: int = 0) -> None:
    """One message: how many of each kind, `unknown` more being no jobs at all."""
    verdicts = [verdict_on(ruling) for ruling in rulings]
    done = Counter(verdict.words for verdict in verdicts if verdict.changed)
    skipped = Counter(verdict.words for verdict in verdicts if not verdict.changed)
    skipped[NO_SUCH_JOB] += unknown
    parts = [f"{count} {words}" for words, count in done.items()]
    parts += [f"{count} skipped: {words}" for words, count in skipped.items() if count]
    level = messages.SUCCESS if not skipped.total() else messages.WARNING if done else messages.ERROR
    messages.add_message(request, level, ", ".join(parts) + ".")


def shares_of(jobs: Iterable[Job], verb: Verb) -> list[Share]:
    """The selection by status, in the order of the life."""
    counts = Counter(Status(job.status) for job in jobs)
    return [_share(status, counts[status], verb) for status in Status if counts[status]]


def _question(request: HttpRequest, verb: Verb, ids: list[str], form: ReasonForm) -> dict[str, object]:
    known = Job.objects.filter(id__in=ids).only("id", "status", "type", "updated_at")
    jobs = list(known.annotate(error_head=Left("last_error", 2000)).order_by("-updated_at", "-id"))
    shares = shares_of(jobs, verb)
    legal = {share.status for share in shares if share.legal}
    concerned = [job for job in jobs if Status(job.status) in legal]
    return {
        "title": f"{verb.capitalize()} {_jobs(len(concerned))}" if concerned else f"{verb.capitalize()}: nothing to do",
        "verb": verb,
        "place": list(request.POST.getlist("action")).index(verb),
        "form": form,
        "ids": ids,
        "shares": shares,
        "total": len(jobs),
        "missing": len(ids) - len(jobs),
        "concerned": len(concerned),
        "sample": concerned[:SAMPLE],
        "more": max(0, len(concerned) - SAMPLE),
        "checkbox": ACTION_CHECKBOX_NAME,
        "back": _back(request, ids),
        "from_job": "from_job" in request.POST,
    }


def _share(status: Status, count: int, verb: Verb) -> Share:
    legal = verb in verbs_from(status, ActorKind.USER)
    return Share(status, count, legal, _CONSEQUENCES[verb, status.is_live] if legal else f"left out: already {status}")


def _back(request: HttpRequest, ids: list[str]) -> str:
    return job_url(ids[0]) if "from_job" in request.POST and len(ids) == 1 else request.get_full_path()


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count:,} jobs"
