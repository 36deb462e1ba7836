"""Staff make a job: the one form that adds anything to the queue, by the same door as producers."""

import json
import re
from typing import TYPE_CHECKING, Any

import msgspec
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from jobs.admin.acting import staff
from jobs.admin.readonly import refuse_without
from jobs.enqueueing import NewJob, enqueue
from jobs.labels import FORM, MOST_REQUIRED, as_set
from jobs.policies import BOUNDS
from jobs.returning import back_to
from jobs.templatetags.jobs import job_url

if TYPE_CHECKING:
    from jobs.admin.readonly import ReadOnlyAdmin

PERMISSION = "jobs.add_job"
# A NUL in a string, which PostgreSQL keeps in no JSON: `\u0000`, but not a backslash before the letters.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_ATTEMPTS = BOUNDS["max_attempts"]


class NewJobForm(forms.Form):
    type = forms.RegexField(
        r"\A[A-Za-z0-9._:-]+\Z",
        max_length=100,
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "off", "spellcheck": "false"}),
        help_text="What it is routed by: A-Z a-z 0-9 . _ : -",
        error_messages={"invalid": "A type is made of A-Z a-z 0-9 . _ : - alone."},
    )
    payload = forms.CharField(
        initial="{}",
        max_length=settings.BODY_LIMIT,
        widget=forms.Textarea(attrs={"rows": 10, "spellcheck": "false", "class": "mono"}),
        help_text='JSON, such as {"script": {"content": "print(1)"}}.',
    )
    priority = forms.IntegerField(initial=50, min_value=0, max_value=100, help_text="0 to 100, higher is claimed first.")
    scheduled_for = forms.DateTimeField(
        required=False,
        label="Not before",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="UTC. Empty: at once.",
        error_messages={"invalid": "Write it as 2026-01-31T14:00, in UTC."},
    )
    max_attempts = forms.IntegerField(
        required=False, label="Attempts", min_value=_ATTEMPTS[0], max_value=_ATTEMPTS[1], help_text="Empty: as its type says."
    )
    labels = forms.CharField(
        required=False, max_length=1100, help_text="What an orchestrator must have, with commas between. Empty: nothing."
    )
    reason = forms.CharField(required=False, max_length=1000, help_text="Kept in the audit log.")

    def clean_payload(self) -> Any:
        try:
            payload = json.loads(self.cleaned_data["payload"], parse_constant=_refuse_constant)
            kept = msgspec.json.encode(payload)
        except (ValueError, OverflowError, RecursionError) as error:
            raise forms.ValidationError(f"This is no JSON that can be kept: {error}.") from None
        if _NUL.search(kept):
            raise forms.ValidationError("This is no JSON that can be kept: a string has a NUL in it.")
        return payload

    def clean_labels(self) -> list[str]:
        labels = as_set(word.strip() for word in self.cleaned_data["labels"].split(",") if word.strip())
        if wrong := next((label for label in labels if not FORM.fullmatch(label)), None):
            raise forms.ValidationError(f"{wrong} is no label: 1 to 63 of A-Z a-z 0-9 . _ : = / -")
        if len(labels) > MOST_REQUIRED:
            raise forms.ValidationError(f"A job requires at most {MOST_REQUIRED} labels.")
        return labels


def ask_or_add(admin: "ReadOnlyAdmin", request: HttpRequest) -> HttpResponse:
    """The form, and when it comes back filled in, the job and its page.

    Raises:
        PermissionDenied: whoever asks may make none.
    """
    refuse_without(request, PERMISSION)
    form = NewJobForm(request.POST) if request.method == "POST" else NewJobForm()
    if form.is_valid():
        told = form.cleaned_data
        reason = told.pop("reason") or None
        (job,) = enqueue([NewJob(**told)], by=staff(request), reason=reason)
        messages.success(request, f"Added: {job.id}.")
        return HttpResponseRedirect(back_to(request, job_url(job.id)))
    back = back_to(request, reverse("admin:jobs_job_changelist"))
    context: dict[str, Any] = {"title": "Add a job", "opts": admin.opts, "form": form, "back": back}
    return TemplateResponse(request, "admin/jobs/add_job.html", admin.admin_site.each_context(request) | context)


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")
