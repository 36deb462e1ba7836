"""JSON Schema (2020-12, as OpenAPI 3.1 has it) in few words."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

Schema = dict[str, Any]

# With this sentence a description says why an object is not closed.
OPEN = "Open: "
TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
WHOLE: Schema = {"type": "integer"}


def ref(name: str, said: str = "") -> Schema:
    """The component of that name, with what it means here."""
    return described({"$ref": f"#/components/schemas/{name}"}, said)


def described(schema: Schema, said: str) -> Schema:
    return {**schema, "description": said} if said else schema


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    said = schema.get("description", "")
    if "type" in schema:
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        choices = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
        return {**schema, "type": [*kinds, "null"], **choices}
    bare = {key: value for key, value in schema.items() if key != "description"}
    options = bare["anyOf"] if set(bare) == {"anyOf"} else [bare]
    return described({"anyOf": [*options, {"type": "null"}]}, said)


def words(*choices: str, said: str = "") -> Schema:
    """One of these."""
    return described({"type": "string", "enum": [str(choice) for choice in choices]}, said)


def list_of(item: Schema, said: str = "", **limits: Any) -> Schema:
    return described({"type": "array", "items": item, **limits}, said)


def closed(properties: Mapping[str, Schema], said: str = "", *, optional: Collection[str] = ()) -> Schema:
    """An object that has these keys and no other.

    Args:
        optional: keys that may be missing.
    """
    shape: Schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    if required := [name for name in properties if name not in optional]:
        shape["required"] = required
    return described(shape, said)


def opened(why: str, properties: Mapping[str, Schema] | None = None, said: str = "", *, required: Sequence[str] = ()) -> Schema:
    """An object that may hold more than these keys.

    Args:
        why: it may.
    """
    shape: Schema = {"type": "object"}
    if properties:
        shape["properties"] = dict(properties)
    if required:
        shape["required"] = list(required)
    return {**shape, "additionalProperties": ref("JSON"), "description": f"{said} {OPEN}{why}".strip()}
