"""The OpenAPI document: it tells every operation there is, closes its shapes, and its examples are true to them."""

import inspect
import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from rest_framework import serializers

from docs import generate
from jobs.filters import JobFilterSet
from jobs.lifecycle import Status
from orchestration_api import representations
from orchestration_api.bulk_bodies import JobFilter
from orchestration_api.exceptions import STATUS_OF
from orchestration_api.middleware import DOOR
from orchestration_api.openapi import bulk_nouns, nouns
from orchestration_api.openapi.document import text
from orchestration_api.openapi.errors import ERRORS
from orchestration_api.openapi.operation import Operation
from orchestration_api.openapi.shapes import OPEN
from orchestration_api.openapi.table import OPERATIONS
from orchestration_api.urls import release, urlpatterns
from tests.orchestration_api.access import routes
from tests.orchestration_api.endpoints import addressed

DOCUMENT: dict[str, Any] = json.loads(text())
each_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)


def told(operation: Operation) -> dict[str, Any]:
    """What the document says of an operation."""
    method, path = operation.address
    found: dict[str, Any] = DOCUMENT["paths"][path][method.lower()]
    return found


def object_schemas(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of an object in the document, with where it stands; what is no schema, such as an example, is passed over."""
    if isinstance(node, list):
        for place, item in enumerate(node):
            yield from object_schemas(item, f"{path}/{place}")
    elif isinstance(node, dict):
        # (A bare type among alternatives only narrows what is described beside them.)
        if "object" in node.get("type", ()) and not (set(node) == {"type"} and "/anyOf/" in path):
            yield path, node
        for key, inner in node.items():
            if key not in ("example", "examples", "value", "default", "enum", "links"):
                yield from object_schemas(inner, f"{path}/{key}")


def test_the_committed_document_is_current() -> None:
    assert generate.OPENAPI.read_text() == text(), "docs/openapi.json is old: run `python -m docs.generate`"


def test_every_address_and_method_has_an_entry_and_no_entry_is_stale() -> None:
    served = {
        (method.upper(), addressed(f"{DOOR}/{route.pattern}"))
        for route in urlpatterns
        for method in getattr(route.callback, "actions", {})
        if method != "head"
    }
    served |= {(method.upper(), "/jobs/{id}/release") for method in release.actions}  # type: ignore[attr-defined]  # of a viewset's view

    assert set(OPERATIONS) == served
    assert {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods} == served


def test_every_error_code_is_described_and_no_other() -> None:
    assert set(ERRORS) == set(STATUS_OF)
    assert {code for operation in OPERATIONS.values() for code in operation.codes} == set(STATUS_OF)


@each_operation
def test_the_scopes_and_keys_of_an_operation_are_those_that_its_view_declares(operation: Operation) -> None:
    method, path = operation.address
    # (A release is served without the base path, too.)
    behind = routes()[method, path.removeprefix(DOOR)]

    assert set(operation.scopes) == behind.opened_by  # type: ignore[attr-defined]
    assert ("IdempotencyKey" in operation.parameters) == (inspect.unwrap(behind) is not behind)
    assert told(operation)["security"] == ([{"bearer": [scope]} for scope in operation.scopes] or [{"bearer": []}])


@each_operation
def test_an_operation_says_what_it_does_with_an_example_and_every_error(operation: Operation) -> None:
    said = told(operation)
    codes = {code for status, answer in said["responses"].items() if int(status) >= 400 for code in _codes(answer)}

    assert said["operationId"] == operation.name
    assert said["summary"].endswith(".")
    assert said["tags"][0] in {tag["name"] for tag in DOCUMENT["tags"]}
    assert codes == set(operation.codes)
    assert ("requestBody" in said) == (operation.method != "GET")
    assert {"401", "405", "429", "500", "503"} <= said["responses"].keys()


@each_operation
def test_the_examples_of_an_operation_are_true_to_its_schemas(operation: Operation) -> None:
    said = told(operation)
    bodies = [said["requestBody"]["content"]] if "requestBody" in said else []
    bodies += [_resolved(answer)["content"] for answer in said["responses"].values()]

    for content in bodies:
        (shown,) = content.values()
        assert shown["examples"]
        for example in shown["examples"].values():
            _assert_valid(_resolved(example)["value"], shown["schema"])


def test_operation_ids_are_unique_and_links_lead_to_them() -> None:
    names = [operation.name for operation in OPERATIONS.values()]
    links = [link for operation in OPERATIONS.values() for answer in operation.answers.values() for link in answer.links.values()]

    assert len(set(names)) == len(names)
    assert {link["operationId"] for link in links} <= set(names)


def test_every_object_is_closed_or_says_why_not() -> None:
    found = list(object_schemas({"paths": DOCUMENT["paths"], "components": DOCUMENT["components"]}))
    silent = [
        path for path, schema in found if schema.get("additionalProperties") is not False and OPEN not in schema.get("description", "")
    ]

    assert len(found) > 100
    assert silent == []


def test_every_key_of_a_request_says_what_it_means() -> None:
    requests = {operation.body.__name__ for operation in OPERATIONS.values() if operation.body}
    silent = [
        f"{name}.{key}"
        for name in requests
        for key, schema in DOCUMENT["components"]["schemas"][name]["properties"].items()
        if not schema.get("description")
    ]

    assert silent == []


@pytest.mark.parametrize(
    ("shape", "noun"),
    [
        (representations.JobWhole, "Job"),
        (representations.Entry, "Entry"),
        (representations.AttemptOut, "Attempt"),
        (representations.LogLineOut, "LogLine"),
        (representations.BulkOperationOut, "BulkOperation"),
        (representations.BulkItemOut, "BulkItem"),
        (representations.FailureGroupOut, "FailureGroup"),
        (representations.CanaryRetryOut, "CanaryRetry"),
        (representations.StretchOut, "Stretch"),
    ],
)
def test_what_is_told_has_the_keys_that_the_document_names(shape: type[serializers.Serializer[Any]], noun: str) -> None:
    # (What was shortened is told by what writes the answer; how many stand failed is counted for it.)
    assert set(shape().fields) == set((nouns.COMPONENTS | bulk_nouns.COMPONENTS)[noun]["properties"]) - {"shortened", "failedJobs"}


def test_the_filters_of_the_list_are_those_of_the_document() -> None:
    said = told(OPERATIONS["GET", f"{DOOR}/jobs"])
    names = {parameter["name"] for parameter in said["parameters"] if parameter.get("in") == "query"}

    assert names == {*JobFilterSet.base_filters, "ordering", "cursor", "pageSize"}
    assert set(JobFilter().fields) == set(JobFilterSet.base_filters)


def test_the_statuses_are_those_of_the_lifecycle() -> None:
    assert DOCUMENT["components"]["schemas"]["Status"]["enum"] == list(Status)


def _codes(answer: dict[str, Any]) -> set[str]:
    schema = _resolved(answer)["content"]["application/json"]["schema"]
    shapes = [_resolved(option) for option in schema.get("oneOf", [schema])]
    return {shape["properties"]["error"]["properties"]["code"]["const"] for shape in shapes}


def _resolved(node: dict[str, Any]) -> Any:
    found: Any = DOCUMENT if "$ref" in node else node
    for key in node.get("$ref", "#").split("/")[1:]:
        found = found[key]
    return found


def _assert_valid(value: Any, schema: dict[str, Any]) -> None:
    problems = [problem.message for problem in Draft202012Validator({**schema, "components": DOCUMENT["components"]}).iter_errors(value)]
    assert problems == []
