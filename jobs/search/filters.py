"""The filters of the jobs page: those of the API, and what only people ask for."""

from typing import Any

import django_filters
from django import forms
from django.db.models import F, Func, Q, QuerySet, TextField, Value
from django.db.models.functions import Left

from jobs.filters import JobFilterSet, Moment, Within
from jobs.ids import PREFIX, is_id
from jobs.lifecycle import LIVE
from jobs.masking import is_secret
from jobs.models import Job

# Of an error, what is searched: it may be megabytes.
ERROR_HEAD = 2000
_MOST_WORDS = 10
_LONGEST_WORD = 200
ATTENTION = {"stuck": "Stuck", "cancelling": "Cancelling"}


class _SeveralWidget(forms.TextInput):
    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return data.getlist(name) if hasattr(data, "getlist") else [data[name]] if name in data else []


class _SeveralField(forms.Field):
    widget = _SeveralWidget

    def clean(self, value: Any) -> list[str]:
        if len(value) > _MOST_WORDS:
            raise forms.ValidationError(f"stands more than {_MOST_WORDS} times")
        for word in value:
            if not word or "\0" in word or len(word) > _LONGEST_WORD:
                raise forms.ValidationError(f"must have 1 to {_LONGEST_WORD} characters, none of them NUL")
        return list(value)


class Several(django_filters.Filter):
    """Texts, each in a parameter of its own: all of them must fit."""

    field_class = _SeveralField

    def filter(self, qs: "QuerySet[Any]", value: list[str]) -> "QuerySet[Any]":
        for word in value:
            qs = self.method_of(qs, word)
        return qs

    def method_of(self, qs: "QuerySet[Any]", word: str) -> "QuerySet[Any]":
        raise NotImplementedError


class ErrorWords(Several):
    """Words of the error's beginning."""

    def method_of(self, qs: "QuerySet[Any]", word: str) -> "QuerySet[Any]":
        return _with_error_head(qs).filter(searched_error__icontains=word)


class AnyWords(Several):
    """What somebody types without saying of what: of the id, the type, the failure group or the error."""

    def method_of(self, qs: "QuerySet[Any]", word: str) -> "QuerySet[Any]":
        ids = Q(id__startswith=word) | Q(id__startswith=PREFIX + word)
        return _with_error_head(qs).filter(ids | Q(type__icontains=word) | Q(fingerprint=word) | Q(searched_error__icontains=word))


class _PayloadField(_SeveralField):
    def clean(self, value: Any) -> list[str]:
        for pair in super().clean(value):
            path, mark, _ = pair.partition("=")
            keys = path.split(".")
            if not mark or not all(keys):
                raise forms.ValidationError("must be a key and its value, like customer.id=42")
            # A value may be masked for the name beside it: who could search for it would learn it.
            if any(is_secret(key) for key in keys) or "value" in keys:
                raise forms.ValidationError(f"{path} may be masked, so it can't be searched")
        return list(value)


class PayloadValue(Several):
    """`customer.id=42`: what stands at a key of the payload, as text."""

    field_class = _PayloadField

    def method_of(self, qs: "QuerySet[Any]", word: str) -> "QuerySet[Any]":
        path, _, value = word.partition("=")
        keys = (Value(key) for key in path.split("."))
        found = Func(F("payload"), *keys, function="jsonb_extract_path_text", output_field=TextField())
        fitting: QuerySet[Any] = qs.alias(searched_payload=found).filter(searched_payload=value)
        return fitting


class _NumbersField(forms.CharField):
    def clean(self, value: Any) -> list[int] | None:
        if value is None:
            return None
        numbers = []
        for word in value.split(","):
            try:
                numbers.append(int(word))
            except ValueError:
                raise forms.ValidationError("must be whole numbers, with commas between") from None
        if any(not -(2**63) <= number < 2**63 for number in numbers):
            raise forms.ValidationError("is out of range")
        return numbers


class CommaNumbers(django_filters.Filter):
    field_class = _NumbersField

    def filter(self, qs: "QuerySet[Any]", value: list[int] | None) -> "QuerySet[Any]":
        return qs if value is None else qs.filter(**{f"{self.field_name}__in": value})


class _WholeField(forms.IntegerField):
    def clean(self, value: Any) -> Any:
        if value == "":
            raise forms.ValidationError("is empty")
        return super().clean(value)


class Whole(django_filters.Filter):
    """A whole number, as a limit."""

    field_class = _WholeField


class _BeginningField(forms.CharField):
    def clean(self, value: Any) -> str | None:
        if value is None:
            return None
        if not is_id(value):
            raise forms.ValidationError("must be the beginning of an id")
        return str(value)


class Beginning(django_filters.Filter):
    field_class = _BeginningField


class JobSearchSet(JobFilterSet):
    id = Beginning(lookup_expr="startswith")
    attention = django_filters.ChoiceFilter(choices=list(ATTENTION.items()), method="in_need")
    createdWithin = Within(field_name="created_at")
    updatedWithin = Within(field_name="updated_at")
    updatedBefore = Moment(field_name="updated_at", lookup_expr="lt")
    exitCode = CommaNumbers(field_name="exit_code")
    priorityMin = Whole(field_name="priority", lookup_expr="gte", min_value=0, max_value=100)
    priorityMax = Whole(field_name="priority", lookup_expr="lte", min_value=0, max_value=100)
    attemptsMin = Whole(field_name="attempts", lookup_expr="gte", min_value=0, max_value=2**31 - 1)
    attemptsMax = Whole(field_name="attempts", lookup_expr="lte", min_value=0, max_value=2**31 - 1)
    error = ErrorWords()
    words = AnyWords()
    payload = PayloadValue()

    def in_need(self, jobs: "QuerySet[Job]", name: str, value: str) -> "QuerySet[Job]":
        if value == "stuck":
            return jobs.filter(id__in=Job.objects.stuck().values("id"))
        return jobs.filter(status__in=[*LIVE], cancel_requested_at__isnull=False)


def _with_error_head(jobs: "QuerySet[Any]") -> "QuerySet[Any]":
    with_head: QuerySet[Any] = jobs.alias(searched_error=Left("last_error", ERROR_HEAD))
    return with_head
