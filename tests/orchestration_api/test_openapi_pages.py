"""/api/schema and /api/docs: for everybody, with a strict policy, and only where they are wanted."""

import json
import re

import pytest
from django.contrib.staticfiles import finders
from django.test import Client, override_settings

from orchestration_api.openapi.document import text

PAGES = ["/api/schema", "/api/docs", "/api/docs?script="]


def test_the_schema_is_the_committed_document(client: Client) -> None:
    answer = client.get("/api/schema")

    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert answer.json() == json.loads(text())


@pytest.mark.parametrize("path", PAGES)
def test_a_page_needs_no_token_sets_no_cookie_and_allows_no_script_but_our_files(client: Client, path: str) -> None:
    answer = client.get(path, headers={"Authorization": "Bearer of-nobody"})
    policy = dict(part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";"))

    assert answer.status_code == 200
    assert not answer.cookies
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"


def test_the_docs_page_holds_no_script_and_loads_nothing_from_elsewhere(client: Client) -> None:
    page = client.get("/api/docs").content.decode()
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL)

    assert len(scripts) == 3
    assert all(body.strip() == "" for _, body in scripts)
    assert "//" not in page.replace("<!doctype", "")
    assert re.findall(r'src="(/api/docs[^"]*)"', page) == ["/api/docs?script="]


def test_what_the_docs_page_loads_is_among_our_static_files(client: Client) -> None:
    page = client.get("/api/docs").content.decode()
    files = re.findall(r'(?:src|href)="/static/([^"]+)"', page)

    assert len(files) == 4
    assert [file for file in files if finders.find(file) is None] == []


def test_the_script_of_the_docs_page_reads_our_schema_and_asks_no_validator(client: Client) -> None:
    answer = client.get("/api/docs?script=")
    script = answer.content.decode()

    assert answer["Content-Type"] == "application/javascript"
    assert 'url: "/api/schema"' in script.replace("\\u002D", "-")
    assert '"validatorUrl": null' in script


@override_settings(API_DOCS=False)
@pytest.mark.parametrize("path", PAGES)
def test_they_can_be_switched_off(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", PAGES)
def test_they_only_tell(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405
