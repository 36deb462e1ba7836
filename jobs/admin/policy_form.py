"""The form in which staff say how jobs of a type are tried again, and how many may be held."""

from typing import Any

from django import forms

from jobs.admin.acting import ReasonForm
from jobs.failures import Category
from jobs.models import JobType
from jobs.policies import BOUNDS, DEFAULTS

_LABELS = {
    "max_attempts": ("Attempts", "of new jobs"),
    "timeout_seconds": ("Time limit", "seconds, of new jobs"),
    "backoff_base_seconds": ("Pause before the second attempt", "seconds; it doubles with each further one"),
    "backoff_cap_seconds": ("Longest pause", "seconds"),
    "concurrency_limit": ("Held at a time", "claimed or running"),
}
_AS_EVERY_TYPE, _THESE = "default", "these"


class PolicyForm(ReasonForm):
    retried = forms.ChoiceField(
        label="Tried again",
        choices=[(_AS_EVERY_TYPE, "all failures but those that trying again can't mend"), (_THESE, "only these:")],
        widget=forms.RadioSelect,
    )
    retryable_categories = forms.MultipleChoiceField(
        label="Categories", choices=[(each.value, each.value) for each in Category], required=False, widget=forms.CheckboxSelectMultiple
    )
    field_order = [*_LABELS, "retried", "retryable_categories", "reason"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for part, (label, about) in _LABELS.items():
            least, most = BOUNDS[part]
            default = DEFAULTS.get(part, "any number")
            self.fields[part] = forms.IntegerField(
                label=label, min_value=least, max_value=most, required=False, help_text=f"{about.capitalize()}. Empty: {default}."
            )
        self.fields["reason"].widget.attrs.pop("autofocus", None)
        self.order_fields(self.field_order)

    @classmethod
    def said_of(cls, job_type: JobType) -> dict[str, Any]:
        """What stands in the form before anything is changed."""
        categories = job_type.retryable_categories
        said = {part: getattr(job_type, part) for part in _LABELS}
        return {**said, "retried": _AS_EVERY_TYPE if categories is None else _THESE, "retryable_categories": categories or []}

    def changes(self) -> dict[str, Any]:
        """For `job_types.configure`: all that may be said of a type, as it stands in the form."""
        said = {part: self.cleaned_data[part] for part in _LABELS}
        only_these = self.cleaned_data["retried"] == _THESE
        return {**said, "retryable_categories": self.cleaned_data["retryable_categories"] if only_these else None}
