"""The fleet and one orchestrator: who is there, who is missed, what may be done about it."""

from typing import Any

import pytest

from benchmarks.footprint import footprint
from jobs import pausing, roster, tokens
from jobs.actors import Holder
from jobs.health import Health
from jobs.models import Orchestrator, Scope
from tests.factories import HOLDER, OTHER, STAFF, JobFactory
from tests.jobs.pages.conftest import Visitor
from tests.queries import questions

FLEET = "/fleet"
ONE = f"/fleet/{HOLDER.name}"
MOST_QUERIES = 12
Sql = Any


def silent(sql: Sql, seconds: int) -> None:
    """Nothing was heard of HOLDER for so long, and its leases go on."""
    sql("update orchestrators set last_seen_at = now() - make_interval(secs => %s) where id = %s", seconds, HOLDER.name)
    sql(
        "update jobs set claimed_at = now() - interval '1 day', started_at = started_at - interval '1 day' where orchestrator_id = %s",
        HOLDER.name,
    )


def test_without_an_orchestrator_the_page_says_how_to_start_one(visitor: Visitor) -> None:
    page = visitor("viewer").get(FLEET).text

    assert "No orchestrator yet" in page
    assert "python -m orchestrator --url http://testserver" in page


def test_each_orchestrator_is_told_with_what_it_holds_and_what_it_asks_for(visitor: Visitor, sql: Sql) -> None:
    JobFactory(status="running", type="report")
    JobFactory(status="claimed", type="report")
    sql("""update orchestrators set hostname = 'a.example', version = '4.2', capacity = '{"maxJobs": 5}'""")
    page = visitor("viewer").get(FLEET).text

    assert "a.example · 4.2" in page
    assert "1 running, 1 claimed, 3 free of 5" in page
    assert "report" in page
    assert "Live" in page


def test_who_is_silent_and_holds_jobs_comes_first_and_is_told_above(visitor: Visitor, sql: Sql) -> None:
    JobFactory(status="running", holder=OTHER)
    JobFactory(status="claimed")
    silent(sql, 301)
    page = visitor("operator").get(FLEET).text

    assert "holds 1 job." in page
    assert "Take back 1, not started…" in page
    assert page.index(f'href="{ONE}"') < page.index(f'href="/fleet/{OTHER.name}"')


def test_who_is_silent_and_holds_nothing_is_no_news(visitor: Visitor, sql: Sql) -> None:
    JobFactory(status="completed")
    silent(sql, 301)
    page = visitor("viewer").get(FLEET).text

    assert "Offline" in page
    assert "was last heard of" not in page


def test_the_reason_of_a_stop_is_shown_wherever_the_orchestrator_is(visitor: Visitor) -> None:
    JobFactory(status="running")
    pausing.disable(HOLDER.name, by=STAFF, reason="its disk is dying")
    browser = visitor("viewer")

    for page in (browser.get(FLEET).text, browser.get(ONE).text):
        assert "Disabled" in page
        assert "its disk is dying" in page


def test_failures_lead_to_just_those_entries_of_the_log(visitor: Visitor) -> None:
    JobFactory(status="failed")
    JobFactory(status="failed")
    JobFactory(status="failed", holder=OTHER)
    browser = visitor("viewer")
    (one,) = (member for member in roster.roster() if member.id == HOLDER.name)

    assert one.failures == 2
    address = f"/audit?action=fail&by=orchestrator&actor={HOLDER.name}&within=24h"
    assert address.replace("&", "&amp;") in browser.get(FLEET).text
    assert browser.get(address).text.count("<tr") == 1 + 2


def test_cancels_that_were_ignored_are_counted(sql: Sql, db: None) -> None:
    JobFactory(status="running")
    sql(
        "insert into audit_log (subject_type, subject_id, action, actor_kind, actor, at, detail, xid) "
        """select 'x', 'x', 'cancel', 'sweep', 'sweep', now() - make_interval(hours => h), '{"ignoredBy": "orch-1"}', '0'::xid8 """
        "from unnest(array[1, 2, 25]) h"
    )

    assert roster.member(HOLDER.name).ignored_cancels == 2  # type: ignore[union-attr]


def test_the_sums_count_the_slots_of_those_that_are_there(sql: Sql, db: None) -> None:
    for name in ("a", "b", "c"):
        JobFactory(status="running", holder=Holder.of(name))
    sql("""update orchestrators set capacity = '{"maxJobs": 4}'""")
    sql("update orchestrators set capacity = null where id = 'b'")
    pausing.drain("c", by=STAFF, reason="r")
    sums = roster.sums(roster.roster())

    assert (sums.members, sums.slots, sums.used, sums.by_health[Health.LIVE], sums.by_health[Health.DRAINED]) == (3, 4, 1, 2, 1)


@pytest.mark.parametrize("capacity", ["null", "[]", '{"maxJobs": "many"}', "{}", "5"])
def test_a_capacity_that_says_nothing_does_no_harm(capacity: str, visitor: Visitor, sql: Sql) -> None:
    JobFactory(status="running")
    sql("update orchestrators set capacity = %s::jsonb", capacity)

    assert "it never told its slots" in visitor("viewer").get(FLEET).text


def test_one_orchestrator_shows_the_jobs_it_holds_and_offers_to_release_them(visitor: Visitor) -> None:
    job = JobFactory(status="running")
    browser = visitor("operator")
    page = browser.get(ONE).text

    assert job.id in page
    assert "Release it…" in page
    question = browser.post("/admin/jobs/job/", {"action": "release", "index": "0", "_selected_action": job.id, "next": ONE}).text
    assert "Release 1 job" in question
    assert f'name="next" value="{ONE}"' in question


def test_acts_are_offered_with_the_reason_where_they_are_not_open(visitor: Visitor) -> None:
    JobFactory(status="running")
    looks, acts = (visitor(role).get(ONE).text for role in ("viewer", "operator"))

    assert "Needs the permission jobs.change_orchestrator." in looks
    assert "Release it…" not in looks
    assert f'href="/admin/jobs/orchestrator/{HOLDER.name}/drain/?next=%2Ffleet%2F{HOLDER.name}"' in acts
    assert "It gets jobs already." in acts
    assert "It has started all that it holds." in acts


def test_tokens_are_shown_to_those_who_may_see_them_and_rotated_from_there(visitor: Visitor) -> None:
    JobFactory(status="running")
    issued = tokens.issue("fra-1", scopes=[Scope.ORCHESTRATE], by=STAFF, orchestrator_id=HOLDER.name).token
    browser = visitor("admin")
    page = browser.get(ONE).text

    assert issued.public_id in page
    assert issued.public_id not in visitor("operator").get(ONE).text
    form = browser.get(f"/admin/jobs/apitoken/add/?like={issued.public_id}&next={ONE}").text
    assert 'value="fra-1"' in form
    assert f'value="{HOLDER.name}"' in form
    told = browser.post(
        "/admin/jobs/apitoken/add/", {"name": "fra-1", "scopes": ["orchestrate"], "orchestrator_id": HOLDER.name, "next": ONE}
    ).text
    assert f'href="{ONE}"' in told
    revoked = browser.post(f"/admin/jobs/apitoken/{issued.public_id}/revoke/", {"reason": "rotated", "next": ONE})
    assert revoked["Location"] == ONE


@pytest.mark.parametrize("name", ["nobody", "a b", "a%00b", "x/y"])
def test_who_was_never_heard_of_is_not_found(name: str, visitor: Visitor) -> None:
    assert visitor("viewer").get(f"/fleet/{name}").status_code == 404


@pytest.mark.parametrize("address", [FLEET, ONE])
def test_a_hundred_orchestrators_take_no_more_queries_than_one(address: str, visitor: Visitor, sql: Sql) -> None:
    JobFactory(status="running")
    browser = visitor("admin")
    sql(
        "insert into orchestrators (id, first_seen_at, last_seen_at, hostname) "
        "select 'o-' || n, now(), now(), repeat('h', 200) from generate_series(1, 100) n"
    )
    with questions() as asked:
        assert browser.get(address).status_code == 200

    assert len(asked) <= MOST_QUERIES, asked


def test_long_names_are_shown_whole_on_hover(visitor: Visitor, db: None) -> None:
    name = "o" * 128
    JobFactory(status="running", holder=Holder.of(name))

    assert f'title="{name}"' in visitor("viewer").get(FLEET).text
    assert Orchestrator.objects.filter(id=name).exists()


def test_the_roster_reads_no_table_that_grows_from_end_to_end(db: None, sql: Sql) -> None:
    JobFactory(status="running")
    sql(
        "insert into audit_log (subject_type, subject_id, action, actor_kind, actor, at, detail, xid) "
        "select 'x', n, 'fail', 'orchestrator', 'o-' || n % 50, now() - make_interval(mins => n), '{}', '0'::xid8 "
        "from generate_series(1, 20000) n"
    )
    sql("analyze audit_log")
    with footprint() as seen:
        roster.roster()

    assert {"audit_log_failed_by", "audit_log_ignored"} <= seen.indexes.keys()
    assert "audit_log" not in seen.whole
    assert seen.indexes["audit_log_failed_by"].entries <= 10
