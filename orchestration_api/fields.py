"""Fields that take a value of their type and nothing else: no coercion, whatever Django REST framework would guess.

A batch has thousands of them. So each checks its value whole in `to_internal_value`, bounds included; the framework's validators only stand
there to be read by the OpenAPI document.
"""

import re
from datetime import datetime
from typing import Any

from rest_framework import serializers
from rest_framework.fields import empty

from jobs import labels, times

ID_ALPHABET = re.compile(r"[A-Za-z0-9._:-]+")
# What fits every integer column.
LARGEST = 2**31 - 1


class ChecksItself:
    """A field whose `to_internal_value` says all that is to be said of a value that was sent."""

    def run_validation(self, data: Any = empty) -> Any:
        if data is None or data is empty:
            return super().run_validation(data)  # type: ignore[misc]  # of the field that this is mixed into
        return self.to_internal_value(data)  # type: ignore[attr-defined]


class Text(ChecksItself, serializers.CharField):
    default_error_messages = {"not_text": "must be a string"}

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_blank": True, "trim_whitespace": False, **options})

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("not_text")
        if not data and not self.allow_blank:
            self.fail("blank")
        if self.max_length is not None and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length, length=len(data))
        return data


class Reason(Text):
    """Text that says something; at most 2,000 characters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_blank": False, "max_length": 2000, **options})

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not text.strip():
            self.fail("blank")
        return text


class Identifier(Text):
    """Text of the id alphabet, 1 to `longest` characters."""

    default_error_messages = {"form": "must be 1 to {longest} of A-Z a-z 0-9 . _ : -"}

    def __init__(self, *, longest: int, **options: Any) -> None:
        super().__init__(**{"allow_blank": False, **options})
        self.longest = longest

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if len(text) > self.longest or not ID_ALPHABET.fullmatch(text):
            self.fail("form", longest=self.longest)
        return text


class Label(Text):
    default_error_messages = {"form": "must be 1 to 63 of A-Z a-z 0-9 . _ : = / -"}

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_blank": False, **options})

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not labels.FORM.fullmatch(text):
            self.fail("form")
        return text


class Bounded(ChecksItself):
    """A number between `min_value` and `max_value`; either may be None."""

    def bounded(self, value: Any) -> Any:
        least, most = self.min_value, self.max_value  # type: ignore[attr-defined]  # of the field that this is mixed into
        if least is not None and value < least:
            self.fail("min_value", min_value=least)  # type: ignore[attr-defined]
        if most is not None and value > most:
            self.fail("max_value", max_value=most)  # type: ignore[attr-defined]
        return value


class Whole(Bounded, serializers.IntegerField):
    default_error_messages = {"not_whole": "must be a whole number"}

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"min_value": -LARGEST, "max_value": LARGEST, **options})

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("not_whole")
        whole: int = self.bounded(data)
        return whole


class Number(Bounded, serializers.FloatField):
    default_error_messages = {"not_number": "must be a number"}

    def to_internal_value(self, data: Any) -> float:
        if not isinstance(data, int | float) or isinstance(data, bool):
            self.fail("not_number")
        number: float = self.bounded(data)
        return number


class Flag(ChecksItself, serializers.BooleanField):
    default_error_messages = {"not_flag": "must be true or false"}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("not_flag")
        return data


class Moment(ChecksItself, serializers.Field[datetime, Any, str | None, Any]):
    default_error_messages = {"not_time": "{why}"}

    def to_internal_value(self, data: Any) -> datetime:
        try:
            if not isinstance(data, str):
                raise ValueError("must be a string: an RFC 3339 time with offset")
            return times.read(data)
        except ValueError as error:
            self.fail("not_time", why=str(error))

    def to_representation(self, value: datetime) -> str | None:
        return times.written(value)


class AnyJSON(ChecksItself, serializers.Field[Any, Any, Any, Any]):
    def to_internal_value(self, data: Any) -> Any:
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class JSONObject(AnyJSON):
    default_error_messages = {"not_object": "must be an object"}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            self.fail("not_object")
        return data


class ErrorDetail(AnyJSON):
    """A string, or {type, code, message, stack, retryable, details}."""

    default_error_messages = {
        "not_error": "must be a string or an object",
        "not_text": "{name} must be a string",
        "not_flag": "retryable must be true or false",
    }

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            for name in ("type", "code", "message", "stack"):
                if not isinstance(data.get(name), str | None):
                    self.fail("not_text", name=name)
            if not isinstance(data.get("retryable"), bool | None):
                self.fail("not_flag")
        elif not isinstance(data, str):
            self.fail("not_error")
        return data


class Output(AnyJSON):
    """A string, or {stdout, stderr}."""

    default_error_messages = {"not_output": "must be a string or {{stdout, stderr}}", "not_text": "{name} must be a string"}

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            for name in ("stdout", "stderr"):
                if not isinstance(data.get(name), str | None):
                    self.fail("not_text", name=name)
        elif not isinstance(data, str):
            self.fail("not_output")
        return data


class Listed(ChecksItself, serializers.ListField):
    """A list of at most so many items; a longer one is refused before any of them is looked at."""

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, list):
            self.fail("not_a_list", input_type=type(data).__name__)
        if self.max_length is not None and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        found: list[Any] = []
        wrong: dict[Any, Any] = {}
        read = self.child.run_validation
        for place, item in enumerate(data):
            try:
                found.append(read(item))
            except serializers.ValidationError as error:
                wrong[place] = error.detail
        if wrong:
            raise serializers.ValidationError(wrong)
        return found


class Words(Listed):
    """A list of strings of the id alphabet."""

    def __init__(self, *, longest: int = 100, **options: Any) -> None:
        super().__init__(child=Identifier(longest=longest), **options)


class Labels(Listed):
    """A set of labels, in any order; one that stands twice counts once."""

    def __init__(self, **options: Any) -> None:
        super().__init__(child=Label(), **options)

    def to_internal_value(self, data: Any) -> list[str]:
        return labels.as_set(super().to_internal_value(data))
