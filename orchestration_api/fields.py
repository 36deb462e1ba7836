"""Fields that take a value of their type and nothing else: no coercion, whatever Django REST framework would guess."""

import re
from datetime import datetime
from typing import Any

from rest_framework import serializers

from jobs import times

ID_ALPHABET = re.compile(r"[A-Za-z0-9._:-]+")
# What fits every integer column.
LARGEST = 2**31 - 1


class Text(serializers.CharField):
    default_error_messages = {"not_text": "must be a string"}

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_blank": True, "trim_whitespace": False, **options})

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("not_text")
        return data


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


class Whole(serializers.IntegerField):
    default_error_messages = {"not_whole": "must be a whole number"}

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"min_value": -LARGEST, "max_value": LARGEST, **options})

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("not_whole")
        return data


class Number(serializers.FloatField):
    default_error_messages = {"not_number": "must be a number"}

    def to_internal_value(self, data: Any) -> float:
        if not isinstance(data, int | float) or isinstance(data, bool):
            self.fail("not_number")
        return data


class Flag(serializers.BooleanField):
    default_error_messages = {"not_flag": "must be true or false"}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("not_flag")
        return data


class Moment(serializers.Field[datetime, Any, str | None, Any]):
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


class AnyJSON(serializers.Field[Any, Any, Any, Any]):
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


class Listed(serializers.ListField):
    """A list of at most so many items; a longer one is refused before any of them is looked at."""

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, list):
            self.fail("not_a_list", input_type=type(data).__name__)
        if self.max_length is not None and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        found: list[Any] = super().to_internal_value(data)
        return found


class Words(Listed):
    """A list of strings of the id alphabet."""

    def __init__(self, *, longest: int = 100, **options: Any) -> None:
        super().__init__(child=Identifier(longest=longest), **options)


class WireSerializer(serializers.Serializer[Any]):
    """Wire names written out, null taken as absent. `unknown` holds the keys that stand in the body and mean nothing here."""

    unknown: list[str]

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            raise serializers.ValidationError({"body": ["must be an object"]})
        self.unknown = sorted(key for key in data if key not in self.fields)
        return super().to_internal_value({key: value for key, value in data.items() if value is not None or self._keeps_null(key)})

    def _keeps_null(self, key: str) -> bool:
        field = self.fields.get(key)
        return field is not None and field.allow_null


class AsSent(WireSerializer):
    """An object whose known keys are checked, and which is kept as it was sent, whatever else it holds."""

    def to_internal_value(self, data: Any) -> Any:
        super().to_internal_value(data)
        return data
