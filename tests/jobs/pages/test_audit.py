"""The audit log in the browser: found by job, request, actor and time, each entry whole, and nobody changes anything."""

from typing import Any

import pytest

from jobs.models import AuditEntry
from jobs.outcomes import Report
from tests.factories import HOLDER, STAFF, JobFactory, running
from tests.jobs.pages.conftest import Visitor
from tests.queries import questions

AUDIT = "/audit"


def rows(page: Any) -> int:
    return int(page.text.count("<tr ")) - 1 if "<tr " in page.text else 0


@pytest.mark.django_db
def test_entries_are_found_by_job_by_actor_and_by_action(visitor: Visitor) -> None:
    browser, job = visitor("viewer"), JobFactory()
    other = JobFactory()
    other.cancel(by=STAFF, reason="not wanted")

    assert rows(browser.get(AUDIT, {"q": job.id})) == 1
    assert rows(browser.get(AUDIT, {"actor": "anna"})) == 1
    assert rows(browser.get(AUDIT, {"action": "cancel", "within": "1h"})) == 1


def test_each_filter_is_a_chip_that_can_be_taken_off(visitor: Visitor) -> None:
    page = visitor("viewer").get(AUDIT, {"action": "cancel_request", "within": "1h", "actor": "anna"}).text

    assert 'aria-label="Without Action: cancel_request"' in page
    assert 'href="/audit?within=1h&amp;actor=anna"' in page
    assert 'href="/audit?action=cancel_request&amp;actor=anna"' in page


def test_a_request_is_looked_for_in_a_week_unless_more_is_said_and_the_page_says_so(visitor: Visitor, sql: Any) -> None:
    browser = visitor("viewer")
    sql(
        "insert into audit_log (job_id, sequence, action, to_status, actor_kind, actor, request_id, at, xid)"
        " values ('job_old', 0, 'enqueue', 'queued', 'producer', 'importer', 'request-1', now() - interval '8 days', '0')"
    )
    within_a_week, longer = (browser.get(AUDIT, {"q": "request-1", **more}) for more in ({}, {"within": "30d"}))

    assert (rows(within_a_week), rows(longer)) == (0, 1)
    assert "Requests are looked for in the last 7 days" in within_a_week.text
    assert "Requests are looked for" not in longer.text


def test_an_entry_is_shown_whole_with_secrets_masked(visitor: Visitor) -> None:
    job = running(JobFactory())
    job.fail(Report(error="it broke", extras={"metrics": {"apiKey": "s3cr3t", "rows": 3}}), by=HOLDER)
    entry = AuditEntry.objects.filter(job_id=job.id, action="fail").get()
    page = visitor("operator").get(f"{AUDIT}/{entry.pk}").text

    assert "it broke" in page
    assert "s3cr3t" not in page
    assert "masked" in page
    assert job.id in page


def test_its_detail_is_for_those_who_may_read_payloads(visitor: Visitor) -> None:
    job = JobFactory()
    job.edit(by=STAFF, reason="as asked", metadata={"customer": "ACME"})
    url = f"{AUDIT}/{AuditEntry.objects.filter(job_id=job.id).latest('sequence').pk}"
    for_viewers, for_operators = (visitor(role).get(url).text for role in ("viewer", "operator"))

    assert "ACME" not in for_viewers
    assert "jobs.view_payload" in for_viewers
    assert "as asked" in for_viewers
    assert "ACME" in for_operators


def test_the_admin_shows_it_to_nobody_else(visitor: Visitor) -> None:
    job = JobFactory()
    job.edit(by=STAFF, reason="as asked", metadata={"customer": "ACME"})
    url = f"/admin/jobs/auditentry/{AuditEntry.objects.filter(job_id=job.id).latest('sequence').pk}/change/"

    assert "ACME" not in visitor("viewer").get(url).text
    assert "ACME" in visitor("operator").get(url).text


@pytest.mark.parametrize("entry", ["999999999", "9" * 30])
def test_an_entry_that_is_not_there_is_told(visitor: Visitor, entry: str) -> None:
    answer = visitor("viewer").get(f"{AUDIT}/{entry}")

    assert answer.status_code == 404
    assert "There is no such entry in the audit log." in answer.text


def test_a_page_of_it_takes_few_queries(visitor: Visitor) -> None:
    browser = visitor("viewer")
    for _ in range(60):
        JobFactory()
    with questions() as asked:
        browser.get(AUDIT)

    assert len(asked) <= 12, asked
