"""The shape of a body, read by one walk over what was sent (docs/decisions/0014-bodies-by-one-walk.md)."""

from collections.abc import Callable
from functools import cache, cached_property
from typing import Any, NamedTuple, TypeVar

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.fields import empty

from orchestration_api.fields import ChecksItself


class Reading(NamedTuple):
    """A body as its shape reads it.

    Attributes:
        fields: under the domain's names.
        unknown: keys that stand in it and mean nothing here.
    """

    fields: dict[str, Any]
    unknown: list[str]


class WireSerializer(ChecksItself, serializers.Serializer[Any]):
    """Wire names written out, null taken as absent; `validate_<name>` and `validate` judge what the fields can't.

    Attributes:
        refuses_unknown: what is said of keys that mean nothing here; None where they are only told to be ignored.
    """

    refuses_unknown: str | None = None

    def read(self, data: Any) -> Reading:
        """What a body says. Keeps nothing, so that one object serves all threads.

        Raises:
            ValidationError: naming the fields.
        """
        if not isinstance(data, dict):
            raise serializers.ValidationError({"body": ["must be an object"]})
        found: dict[str, Any] = {}
        wrong: dict[str, Any] = {}
        unknown: list[str] = []
        known = self._known
        for key, value in data.items():
            if key not in known:
                unknown.append(key)
            elif value is not None or known[key].keeps_null:
                try:
                    found[known[key].source] = known[key].read(value)
                except serializers.ValidationError as error:
                    wrong[key] = error.detail
        for name, field in self._required:
            if known[name].source not in found and name not in wrong:
                wrong[name] = [ErrorDetail(field.error_messages["required"], code="required")]
        if wrong:
            # In the order of the shape, whatever that of the body.
            raise serializers.ValidationError({name: wrong[name] for name in known if name in wrong})
        found = self.validate({**self._defaults, **found})
        if unknown and self.refuses_unknown:
            raise serializers.ValidationError({name: [self.refuses_unknown] for name in sorted(unknown)})
        return Reading(found, sorted(unknown))

    def to_internal_value(self, data: Any) -> Any:
        return self.read(data).fields

    @cached_property
    def _known(self) -> dict[str, "_Known"]:
        return {name: _Known.of(name, field, getattr(self, f"validate_{name}", None)) for name, field in self.fields.items()}

    @cached_property
    def _required(self) -> list[tuple[str, Any]]:
        return [(name, field) for name, field in self.fields.items() if field.required]

    @cached_property
    def _defaults(self) -> dict[str, Any]:
        return {known.source: self.fields[name].default for name, known in self._known.items() if self.fields[name].default is not empty}


class AsSent(WireSerializer):
    """An object whose known keys are checked, and which is kept as it was sent, whatever else it holds."""

    def to_internal_value(self, data: Any) -> Any:
        super().to_internal_value(data)
        return data


class _Known(NamedTuple):
    """A field of a shape, ready to read a value."""

    name: str
    source: str
    keeps_null: bool
    read: Callable[[Any], Any]

    @classmethod
    def of(cls, name: str, field: Any, judge: Callable[[Any], Any] | None) -> "_Known":
        read = field.run_validation
        return cls(name, field.source, field.allow_null, (lambda value: judge(read(value))) if judge else read)


Shape = TypeVar("Shape", bound=WireSerializer)


def the(shape: type[Shape]) -> Shape:
    """The one object of a shape: to make one copies the declaration of each of its fields."""
    made: Shape = _made(shape)
    return made


@cache
def _made(shape: type[Any]) -> Any:
    return shape()
