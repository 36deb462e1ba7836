"""What stands where a page can't: in words, in our look, and under the same policy as everything else."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from jobs.views import audit
from jobs.views.errors import server_error
from tests.factories import JobFactory
from tests.jobs.pages.conftest import Visitor

STRICT = (
    "base-uri 'none'; connect-src 'self'; default-src 'none'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "img-src 'self' data:; script-src 'self'; style-src 'self'"
)


def policy_of(answer: Any) -> str:
    return "; ".join(sorted(part.strip() for part in answer["Content-Security-Policy"].split(";")))


@pytest.mark.parametrize(
    "path",
    ["/audit", "/admin/", "/admin/jobs/job/", "/admin/auth/user/", "/admin/login/", "/nowhere", "/static/nowhere.css", "/healthz",
     "/audit?within=soon", "/api/schema", "/api/internal/jobs", "/admin/password_change/", "/admin"],
)  # fmt: skip
@pytest.mark.parametrize("role", ["", "no role", "admin"])
def test_everything_that_is_answered_carries_the_strict_policy(role: str, path: str, visitor: Visitor) -> None:
    browser = visitor(role) if role else Client()

    assert policy_of(browser.get(path)) == STRICT


@pytest.mark.parametrize("path", ["/api/docs", "/api/docs?script="])
def test_the_docs_alone_may_write_styles_into_their_page(client: Client, path: str) -> None:
    assert policy_of(client.get(path)) == f"{STRICT} 'unsafe-inline'"


def test_a_redirect_to_https_carries_it_too(client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = client.get("/audit")

    assert (answer.status_code, policy_of(answer)) == (301, STRICT)


def test_what_is_missing_is_said_with_the_role_that_has_it(visitor: Visitor) -> None:
    answer = visitor("no role").get("/audit")

    assert answer.status_code == 403
    assert "“Can view audit entry” (<code>jobs.view_auditentry</code>), which the role viewer has" in answer.text


@pytest.mark.parametrize(
    ("path", "codename"),
    [
        ("/admin/jobs/job/", "view_job"),
        ("/admin/jobs/auditentry/1/change/", "view_auditentry"),
        ("/admin/jobs/apitoken/", "view_apitoken"),
        ("/admin/jobs/sweeprun/sweep/", "change_sweeprun"),
    ],
)
def test_the_admin_says_it_in_the_same_words(visitor: Visitor, path: str, codename: str) -> None:
    answer = visitor("no role").get(path)

    assert answer.status_code == 403
    assert f"jobs.{codename}" in answer.text


def test_more_jobs_than_one_may_act_on_at_once_are_refused_by_name(visitor: Visitor) -> None:
    ids = [JobFactory(status="failed").id for _ in range(51)]
    answer = visitor("operator").post("/admin/jobs/job/", {"action": "retry", "index": "0", "_selected_action": ids})

    assert answer.status_code == 403
    assert "Can act on more than 50 jobs at once" in answer.text
    assert "which the role admin has" in answer.text


def test_a_path_that_leads_nowhere_is_told_and_not_obeyed(client: Client) -> None:
    answer = client.get("/<script>alert(1)</script>")

    assert answer.status_code == 404
    assert "There is nothing here" in answer.text
    assert "<script>alert" not in answer.text


def test_a_job_that_is_not_there_is_told_with_a_way_on(visitor: Visitor) -> None:
    job_id = "job_01JD8Z3K4M5N6P7Q8R9S0T1V2X"
    answer = visitor("viewer").get(f"/jobs/{job_id}")

    assert answer.status_code == 404
    assert "There is no job with this id" in answer.text
    assert f"/audit?q={job_id}" in answer.text
    assert 'action="/jobs"' in answer.text


def test_a_host_that_is_not_ours_is_refused(client: Client, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["jobs.example"]
    answer = client.get("/audit", headers={"Host": "evil.example"})

    assert answer.status_code == 400
    # Django's word for it stands in the log.
    assert "This request can&#x27;t be read" in answer.text


def test_what_broke_is_told_without_a_script(admin_user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(page: audit.AuditPage) -> dict[str, Any]:
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr(audit.AuditPage, "live_context", broken)
    browser = Client(raise_request_exception=False, headers={"X-Request-ID": "request-of-anna"})
    browser.force_login(admin_user)
    answer = browser.get("/audit")

    assert (answer.status_code, policy_of(answer)) == (500, STRICT)
    assert "Something broke here" in answer.text
    assert "request-of-anna" in answer.text
    assert "secret" not in answer.text
    assert not re.search("<script", answer.text)


def test_the_page_of_a_fault_asks_nothing(rf: Any, django_assert_num_queries: Any, db: None) -> None:
    with django_assert_num_queries(0):
        assert server_error(rf.get("/")).status_code == 500


def test_a_form_that_is_not_ours_is_refused_in_words(admin_user: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(admin_user)
    answer = browser.post("/admin/jobs/job/", {"action": "retry"})

    assert (answer.status_code, policy_of(answer)) == (403, STRICT)
    assert "This form is no longer valid" in answer.text


@pytest.mark.parametrize("path", ["/api/internal/nowhere", "/api/internal", "/jobs/job_x/release"])
def test_the_machine_door_answers_as_ever(client: Client, db: None, path: str) -> None:
    answer = client.post(path, headers={"Authorization": "Bearer of-nobody"})

    assert answer["Content-Type"] == "application/json"
    assert "error" in answer.json()
