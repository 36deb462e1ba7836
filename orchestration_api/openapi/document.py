"""From the table and the routes there are to one OpenAPI document: docs/openapi.json, and what /api/schema answers."""

import json
from functools import cache
from typing import Any

from drf_spectacular.drainage import warn
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry

import jobs
from orchestration_api.openapi import batches, bodies, bulk_nouns, envelopes, errors, nouns  # bodies registers how our fields are read
from orchestration_api.openapi.operation import HEADERS, PARAMETERS, TAGS, Answer, Operation
from orchestration_api.openapi.shapes import Schema
from orchestration_api.openapi.table import OPERATIONS

__all__ = ["Document", "DoorSchema", "bodies", "text"]

_DESCRIPTION = """Programs put jobs into a queue; orchestrators claim them, run them and report what became of them.

JSON in UTF-8, keys in camelCase, no trailing slashes, no redirects. `null` stands for an absent key everywhere outside `payload`,
`metadata`, `metrics` and what is kept as sent. Nothing is coerced. Times are written in UTC with `Z` and six decimals, and read with any
offset and up to nine decimals, never without offset. Strings hold neither NUL nor half a surrogate pair.

Who calls is told by a token alone: the shared service key, which has every scope and acts for any orchestrator, or an issued token with
some of the scopes, bound to one orchestrator or to none. What is out of a token's reach is not found. A bound token speaks for its
orchestrator without X-Orchestrator-ID; its reports need the lease token and the time at which they were sent.

Objects are closed: an answer of this version has these keys and no other. Later versions may add keys: pass over those you don't know.
Where an object is open, its description says why. No answer is longer than 8 MiB: what `shortened` names was cut at its end or, of too many
parts, is null, whatever its schema says."""


@cache
def text() -> str:
    """The document as JSON, as it is committed and served."""
    return json.dumps(Document().get_schema(public=True), indent=1, ensure_ascii=False) + "\n"


class Document(SchemaGenerator):
    """drf-spectacular's generator, with the components that the table refers to."""

    def coerce_path(self, path: str, method: str, view: Any) -> str:
        return str(super().coerce_path(path, method, view)).replace("{job_id}", "{id}").replace("{operation_id}", "{id}")

    def get_schema(self, request: Any = None, public: bool = False) -> Schema:
        told: Schema = super().get_schema(request, public)
        told["info"] = {"title": "jobsite", "version": jobs.__version__, "description": _DESCRIPTION, "license": {"name": "MIT"}}
        told["tags"] = [{"name": name, "description": said} for name, said in TAGS.items()]
        told["paths"] = {path: told["paths"][path] for path in dict.fromkeys(path for _, path in OPERATIONS) if path in told["paths"]}
        told["components"] = _components(told)
        # Words of our enums as plain strings, which any writer takes.
        plain: Schema = json.loads(json.dumps(told))
        return plain


class DoorSchema(AutoSchema):
    """What the table says of a view's operation, in the words of OpenAPI."""

    def get_operation(self, path: str, path_regex: str, path_prefix: str, method: str, registry: ComponentRegistry) -> Schema | None:
        self.registry, self.path, self.method = registry, path, method
        if self.is_excluded():
            return None
        operation = OPERATIONS.get((method, path))
        if operation is None:
            warn(f"{method} {path} has no entry in orchestration_api/openapi")
            return None
        anybody = self.get_auth()
        told: Schema = {
            "operationId": operation.name,
            "tags": [operation.tag],
            "summary": operation.does,
            "description": _description(operation),
            "parameters": [_parameter(parameter) for parameter in (*operation.parameters, "RequestId")],
            "security": [{bodies.BearerToken.name: [scope]} for scope in operation.scopes] or anybody,
            "responses": {str(status): _answer(answer) for status, answer in operation.answers.items()}
            | errors.answers_for(operation.codes),
        }
        if operation.takes_body:
            body = self.resolve_serializer(operation.body, "request").ref if operation.body else None
            content = {"schema": operation.schema or body, "examples": {operation.name: {"value": operation.example}}}
            told["requestBody"] = {"required": operation.needs_body, "content": {"application/json": content}}
        return {**told, "deprecated": True} if operation.deprecated else told


def _description(operation: Operation) -> str:
    scopes = " or ".join(f"`{scope}`" for scope in operation.scopes)
    return " ".join(part for part in (operation.more, f"Scope: {scopes}." if scopes else "Any token will do.") if part)


def _parameter(parameter: str | Schema) -> Schema:
    return {"$ref": f"#/components/parameters/{parameter}"} if isinstance(parameter, str) else parameter


def _answer(answer: Answer) -> Schema:
    told: Schema = {
        "description": answer.said,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-ID", "Cache-Control", *answer.headers)},
        "content": {answer.kind: {"schema": answer.schema, "examples": {"answer": {"value": answer.example}}}},
    }
    return {**told, "links": dict(answer.links)} if answer.links else told


def _components(told: Schema) -> Schema:
    """Those of the serializers, and of ours those that are referred to, directly or by another."""
    library: dict[str, dict[str, Schema]] = {
        "schemas": {
            **nouns.COMPONENTS,
            **bulk_nouns.COMPONENTS,
            **envelopes.COMPONENTS,
            **batches.COMPONENTS,
            **{errors.name_of(code): errors.schema_of(code) for code in errors.ERRORS},
        },
        "responses": {errors.name_of(code): errors.response_of([code]) for code in errors.ERRORS},
        "parameters": PARAMETERS,
        "headers": HEADERS,
        "examples": {errors.name_of(code): errors.example_of(code) for code in errors.ERRORS},
    }
    found: dict[str, Schema] = {kind: dict(told["components"].get(kind, {})) for kind in (*library, "securitySchemes")}
    wanted = _references([told["paths"], told["components"]])
    while wanted:
        kind, name = wanted.pop()
        if name not in found[kind]:
            found[kind][name] = library[kind][name]
            wanted |= _references(found[kind][name])
    return {kind: dict(sorted(of_kind.items())) for kind, of_kind in found.items()}


def _references(node: Any) -> set[tuple[str, str]]:
    if isinstance(node, list):
        return {found for item in node for found in _references(item)}
    if not isinstance(node, dict):
        return set()
    here = {tuple(node["$ref"].split("/")[2:])} if isinstance(node.get("$ref"), str) else set()
    return here | {found for item in node.values() for found in _references(item)}
