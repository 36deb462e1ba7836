"""How drf-spectacular reads our fields, serializers and tokens: what they take, exactly, is what the schema says."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension, OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework.serializers import Field

from orchestration_api import fields, serializers, shapes
from orchestration_api.openapi.nouns import ID_PATTERN, LABEL
from orchestration_api.openapi.shapes import OPEN, Schema, described, nullable, ref
from orchestration_api.openapi.words import NARROWED, WORDS

_IGNORES = f"{OPEN}keys that mean nothing here are passed over."
_KEEPS = f"{OPEN}kept as it was sent, whatever else it holds."

_SHAPES: dict[type, Schema] = {
    fields.Text: {"type": "string"},
    fields.Reason: {"type": "string", "pattern": r"\S"},
    fields.Identifier: {"type": "string", "pattern": ID_PATTERN},
    fields.Label: LABEL,
    fields.Whole: {"type": "integer"},
    fields.Number: {"type": "number"},
    fields.Flag: {"type": "boolean"},
    fields.Moment: {"type": "string", "format": "date-time"},
    fields.AnyJSON: ref("JSON"),
    fields.JSONObject: {"type": "object", "additionalProperties": ref("JSON"), "description": f"{OPEN}the keys are the caller's."},
    fields.ErrorDetail: ref("ErrorDetail"),
    fields.Output: ref("Output"),
}


class OurField(OpenApiSerializerFieldExtension):
    """A field of orchestration_api/fields.py. Limits are added from its validators, as with any field."""

    target_class = Field
    priority = 1

    @classmethod
    def _matches(cls, target: Any) -> bool:
        return type(target) in _SHAPES

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> Schema:
        longest = {"maxLength": self.target.longest} if isinstance(self.target, fields.Identifier) else {}
        shortest = {"minLength": 1} if isinstance(self.target, fields.Text) and not self.target.allow_blank else {}
        return {**_SHAPES[type(self.target)], **shortest, **longest}


class RunningJob(OpenApiSerializerFieldExtension):
    target_class = serializers.RunningJobField

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> Schema:
        named = auto_schema.resolve_serializer(serializers.RunningJob, "request")
        return {"anyOf": [{"type": "string"}, named.ref], "description": "A job id, or one with its lease token."}


class Body(OpenApiSerializerExtension):
    """A WireSerializer: null stands for absent, and what becomes of unknown keys is told."""

    target_class = shapes.WireSerializer
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> Schema:
        schema: Schema = auto_schema._map_basic_serializer(self.target, direction)
        schema.pop("description", None)
        name, required = type(self.target).__name__, schema.get("required", [])
        properties = {key: _told(name, key, told, required=key in required) for key, told in schema.get("properties", {}).items()}
        # Its own docstring, not one that it inherits.
        said = (vars(type(self.target)).get("__doc__") or "").strip()
        schema |= {"properties": properties, **NARROWED.get(name, {})}
        if self.target.refuses_unknown:
            return described({**schema, "additionalProperties": False}, said)
        why = _KEEPS if isinstance(self.target, shapes.AsSent) else _IGNORES
        return {**schema, "additionalProperties": ref("JSON"), "description": f"{said} {why}".strip()}


class BearerToken(OpenApiAuthenticationExtension):
    target_class = "orchestration_api.authentication.TokenAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        said = "The service key of `INTERNAL_API_KEY`, which has every scope, or an issued token with the scopes that it was given."
        return {"type": "http", "scheme": "bearer", "description": said}


def _told(serializer: str, key: str, schema: Schema, *, required: bool) -> Schema:
    own = f"{serializer}.{key}"
    if schema.get("oneOf") == [ref("JSON"), {"type": "null"}]:
        # (drf-spectacular adds a null to what has one already, and then null would be both.)
        schema = ref("JSON")
    schema = schema | NARROWED.get(own, {})
    before = schema.get("description", "")
    told = {**schema, "description": " ".join(part for part in (WORDS.get(own, WORDS.get(key)), before) if part)}
    return told if required or schema.get("$ref") == ref("JSON")["$ref"] else nullable(told)
