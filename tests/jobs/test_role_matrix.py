"""Four roles, every address and every act: who may, and that whoever may not changes nothing.

A new address fails the first test until it has a line in PLACES; a new act of staff belongs into DEEDS.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.test import Client
from django.urls import get_resolver, reverse
from django.urls.resolvers import URLPattern, URLResolver

from jobs import bulk, job_types, tokens
from jobs.actors import Actor
from jobs.bulk import Selection
from jobs.models import AuditEntry, FailureGroup, Job, Orchestrator, SweepRun
from jobs.outcomes import Report
from jobs.sweeps import sweep
from jobs.webhooks import endpoints
from tests.factories import HOLDER, STAFF, JobFactory, claimed, grouped, running

ROLES = ("no role", "viewer", "operator", "admin")
NO_ROLE, VIEWER, OPERATOR, ADMIN, NOBODY = range(5)
WHY = "it is a test"


@dataclass(frozen=True)
class World:
    """One of everything."""

    queued: Job
    claimed: Job
    running: Job
    failed: Job
    group: FailureGroup
    entry: int
    orchestrator: str
    type: str
    preview: str
    under_way: str
    paused: str
    token: str
    sweep_run: int
    endpoint: int
    delivery: int
    person: User

    def state(self) -> tuple[object, ...]:
        """What every act changes something of."""
        return AuditEntry.objects.count(), Job.objects.count(), SweepRun.objects.count(), User.objects.count()


@pytest.fixture
def world(db: None) -> World:
    jobs = {status: JobFactory(status="queued", type="export") for status in ("queued", "claimed", "running", "failed", "stuck")}
    jobs["failed"] = running(JobFactory(type="invoice"))
    jobs["failed"].fail(Report(error="order 17 not found"), by=HOLDER)
    jobs["claimed"], jobs["running"] = claimed(JobFactory(type="claimed")), running(JobFactory(type="running"))
    job_types.configure("export", by=STAFF, reason=WHY, max_attempts=2)
    sweep(by=Actor.sweep())
    operations = [bulk.create("retry", Selection(ids=[jobs["failed"].id]), by=STAFF).id for _ in range(3)]
    for operation in operations[1:]:
        bulk.confirm(operation, by=STAFF, reason=WHY)
    bulk.pause(operations[2], by=STAFF)
    return World(
        queued=jobs["queued"],
        claimed=jobs["claimed"],
        running=jobs["running"],
        failed=jobs["failed"],
        group=grouped(jobs["failed"]),
        entry=AuditEntry.objects.values_list("pk", flat=True)[0],
        orchestrator=Orchestrator.objects.values_list("pk", flat=True)[0],
        type="export",
        preview=operations[0],
        under_way=operations[1],
        paused=operations[2],
        token=tokens.issue("importer", scopes=["enqueue"], by=STAFF).token.public_id,
        sweep_run=SweepRun.objects.values_list("pk", flat=True)[0],
        endpoint=(endpoint := endpoints.create(endpoints.Wish(name="erp", url="https://hooks.example/jobs"), by=STAFF).endpoint.pk),
        delivery=endpoints.send_test(endpoint, by=STAFF).pk,
        person=User.objects.create_user("ben"),
    )


def browser_of(role: str) -> Client:
    user = User.objects.create_user(f"the-{role}".replace(" ", "-"), is_staff=True)
    user.groups.set(Group.objects.filter(name=role))
    browser = Client()
    browser.force_login(user)
    return browser


@dataclass(frozen=True)
class Place:
    """An address that is looked at.

    Attributes:
        least: the role that may.
        of: what its path is made of.
        answer: to those who may.
    """

    least: int
    of: Callable[[World], list[Any]] = lambda world: []
    answer: int = 200


def _of(name: str) -> Callable[[World], list[Any]]:
    def values(world: World) -> list[Any]:
        value = getattr(world, name)
        return [quote(str(value.pk if hasattr(value, "pk") else value))]

    return values


def _shown(model: str, noun: str, least: int, *, add: int = NOBODY, acts: dict[str, int] | None = None) -> dict[str, Place]:
    """The places of a noun in the admin that nobody changes or deletes by a form."""
    stem = f"admin:jobs_{model}"
    return {
        f"{stem}_changelist": Place(least),
        f"{stem}_add": Place(add),
        f"{stem}_change": Place(least, _of(noun)),
        f"{stem}_history": Place(least, _of(noun), answer=302),
        f"{stem}_delete": Place(NOBODY, _of(noun)),
        **{f"{stem}_{act}": Place(role, _of(noun)) for act, role in (acts or {}).items()},
    }


def _djangos_own(model: str, noun: Callable[[World], list[Any]]) -> dict[str, Place]:
    """People and groups are for superusers."""
    acts = {f"admin:auth_{model}_{act}": Place(NOBODY, noun) for act in ("change", "history", "delete")}
    return {f"admin:auth_{model}_changelist": Place(NOBODY), f"admin:auth_{model}_add": Place(NOBODY)} | acts


_OF_ENDPOINTS = ("configure", "test", "rotate", "disable", "enable", "discard")
PLACES: dict[str, Place] = {
    "pages:overview": Place(VIEWER),
    "pages:jobs": Place(VIEWER),
    "pages:job_counts": Place(VIEWER),
    "pages:jobs_csv": Place(VIEWER),
    **{f"pages:{name}": Place(VIEWER, lambda world: [world.failed.id]) for name in ("job", "job_log_text")},
    # Parts of a page: led to the whole where there is no script, and nothing where there is nothing new.
    "pages:job_error": Place(VIEWER, lambda world: [world.failed.id], answer=302),
    "pages:job_log": Place(VIEWER, lambda world: [world.failed.id], answer=204),
    "pages:job_error_text": Place(VIEWER, lambda world: [world.failed.id, world.failed.epoch]),
    "pages:failures": Place(VIEWER),
    "pages:failure_group": Place(VIEWER, _of("group")),
    "pages:fleet": Place(VIEWER),
    "pages:orchestrator": Place(VIEWER, lambda world: [world.orchestrator]),
    "pages:types": Place(VIEWER),
    "pages:type": Place(VIEWER, _of("type")),
    "pages:sweeps": Place(VIEWER),
    "pages:bulk": Place(VIEWER),
    "pages:bulk_operation": Place(VIEWER, lambda world: [world.preview]),
    "pages:audit": Place(VIEWER),
    "pages:audit_entry": Place(VIEWER, _of("entry")),
    # Acts come by a form only; whoever comes without one is led back.
    "admin:jobs_job_act": Place(OPERATOR, answer=302),
    **_shown("job", "queued", VIEWER, add=OPERATOR),
    **_shown("auditentry", "entry", VIEWER),
    **_shown("failuregroup", "group", VIEWER, acts=dict.fromkeys(("acknowledge", "snooze", "resolve", "reopen", "retry"), OPERATOR)),
    **_shown("bulkoperation", "preview", VIEWER, acts=dict.fromkeys(("confirm", "pause", "resume", "stop"), OPERATOR)),
    **_shown("jobtype", "type", VIEWER, acts=dict.fromkeys(("configure", "pause", "resume"), OPERATOR)),
    **_shown("orchestrator", "orchestrator", VIEWER, acts=dict.fromkeys(("drain", "disable", "resume", "take-back"), OPERATOR)),
    **_shown("sweeprun", "sweep_run", VIEWER),
    "admin:jobs_sweeprun_sweep": Place(OPERATOR),
    **_shown("apitoken", "token", ADMIN, add=ADMIN, acts={"revoke": ADMIN}),
    **_shown("webhookendpoint", "endpoint", OPERATOR, add=ADMIN, acts=dict.fromkeys(_OF_ENDPOINTS, ADMIN)),
    **_shown("webhookdelivery", "delivery", OPERATOR, acts={"redeliver": ADMIN}),
    **_djangos_own("user", lambda world: [world.person.pk]),
    **_djangos_own("group", lambda world: [Group.objects.get(name="viewer").pk]),
    "admin:auth_user_password_change": Place(NOBODY, lambda world: [world.person.pk]),
    "admin:index": Place(NO_ROLE),
    "admin:jsi18n": Place(NO_ROLE),
    "admin:password_change": Place(NO_ROLE),
    "admin:password_change_done": Place(NO_ROLE),
    # Whoever is signed in is led on.
    "admin:login": Place(NO_ROLE, answer=302),
    # By a form only.
    "admin:logout": Place(NO_ROLE, answer=405),
    # No field of ours completes.
    "admin:autocomplete": Place(NOBODY),
    # Leads to the page of the job, which asks who it is.
    "admin:view_on_site": Place(NO_ROLE, lambda world: [ContentType.objects.get_for_model(Job).pk, world.queued.pk], answer=302),
}
# (Whoever may see nothing of an app finds no such page.)
_WITHOUT_ROLE_NOT_FOUND = {"admin:app_list"}
PLACES["admin:app_list"] = Place(VIEWER, lambda world: ["jobs"])


@dataclass(frozen=True)
class Deed:
    """An act, as a form asks for it.

    Attributes:
        least: the role that may.
        url, body: where it is sent, and what.
    """

    least: int
    url: Callable[[World], str]
    body: Callable[[World], dict[str, Any]]


def _on_jobs(action: str, least: int, *nouns: str, **more: str) -> Deed:
    def body(world: World) -> dict[str, Any]:
        ids = [getattr(world, noun).id for noun in nouns]
        return {"action": action, "index": "0", "_selected_action": ids, "confirmed": "1", "reason": WHY, **more}

    return Deed(least, lambda world: reverse("admin:jobs_job_changelist"), body)


def _on_many(least: int) -> Deed:
    def body(world: World) -> dict[str, Any]:
        ids = [JobFactory(type="many").id for _ in range(51)]
        return {"action": "cancel", "index": "0", "_selected_action": ids, "confirmed": "1", "reason": WHY}

    return Deed(least, lambda world: reverse("admin:jobs_job_changelist"), body)


def _from_page(name: str, least: int, noun: str, **more: Any) -> Deed:
    return Deed(least, lambda world: reverse(f"admin:jobs_{name}", args=_of(noun)(world)), lambda world: {"reason": WHY, **more})


def _on_groups(action: str, **more: str) -> Deed:
    def body(world: World) -> dict[str, Any]:
        return {"action": action, "index": "0", "_selected_action": [world.group.pk], "confirmed": "1", "reason": WHY, **more}

    return Deed(OPERATOR, lambda world: reverse("admin:jobs_failuregroup_changelist"), body)


_NEW_JOB = {"type": "report", "payload": "{}", "priority": "50"}
_POLICY = {"max_attempts": "7", "retried": "default"}
_CANARY = {"canaries": "1", "minutes": "0"}
DEEDS: dict[str, Deed] = {
    "retry a job": _on_jobs("retry", OPERATOR, "failed"),
    "cancel a job": _on_jobs("cancel", OPERATOR, "queued"),
    "release a job": _on_jobs("release", OPERATOR, "running"),
    "set a priority": _on_jobs("edit", OPERATOR, "queued", priority="90"),
    "force a failure": _on_jobs("force_fail", ADMIN, "running"),
    "force a cancel": _on_jobs("force_cancel", ADMIN, "running"),
    "act on all that match": _on_jobs("cancel", OPERATOR, "queued", select_across="1"),
    "act on more than 50": _on_many(ADMIN),
    "add a job": Deed(OPERATOR, lambda world: reverse("admin:jobs_job_add"), lambda world: _NEW_JOB),
    "acknowledge groups": _on_groups("acknowledge"),
    "snooze groups": _on_groups("snooze", hours="3"),
    "resolve groups": _on_groups("resolve"),
    "retry groups": _on_groups("retry", **_CANARY),
    "acknowledge a group": _from_page("failuregroup_acknowledge", OPERATOR, "group"),
    "snooze a group": _from_page("failuregroup_snooze", OPERATOR, "group", failures="5"),
    "resolve a group": _from_page("failuregroup_resolve", OPERATOR, "group"),
    "retry a group": _from_page("failuregroup_retry", OPERATOR, "group", **_CANARY),
    "confirm an operation": _from_page("bulkoperation_confirm", OPERATOR, "preview"),
    "pause an operation": _from_page("bulkoperation_pause", OPERATOR, "under_way"),
    "resume an operation": _from_page("bulkoperation_resume", OPERATOR, "paused"),
    "stop an operation": _from_page("bulkoperation_stop", OPERATOR, "under_way"),
    "configure a type": _from_page("jobtype_configure", OPERATOR, "type", **_POLICY),
    "pause a type": _from_page("jobtype_pause", OPERATOR, "type"),
    "drain an orchestrator": _from_page("orchestrator_drain", OPERATOR, "orchestrator"),
    "disable an orchestrator": _from_page("orchestrator_disable", OPERATOR, "orchestrator"),
    "take back what an orchestrator claimed": _from_page("orchestrator_take-back", OPERATOR, "orchestrator"),
    "sweep now": Deed(OPERATOR, lambda world: reverse("admin:jobs_sweeprun_sweep"), lambda world: {"rule": "", "reason": WHY}),
    "issue a token": Deed(
        ADMIN, lambda world: reverse("admin:jobs_apitoken_add"), lambda world: {"name": "robot", "scopes": ["read"], "expires_in": "30"}
    ),
    "revoke a token": _from_page("apitoken_revoke", ADMIN, "token"),
    "make a webhook": Deed(
        ADMIN,
        lambda world: reverse("admin:jobs_webhookendpoint_add"),
        lambda world: {"name": "billing", "url": "https://billing.example/jobs", "reason": WHY},
    ),
    **{f"{act} a webhook": _from_page(f"webhookendpoint_{act}", ADMIN, "endpoint") for act in ("test", "rotate", "disable", "discard")},
    "send a message again": _from_page("webhookdelivery_redeliver", ADMIN, "delivery"),
    "act from the jobs page": Deed(OPERATOR, lambda world: reverse("admin:jobs_job_act"), _on_jobs("cancel", OPERATOR, "queued").body),
    "change a job by a form": _from_page("job_change", NOBODY, "queued", status="completed"),
    "delete a job by a form": _from_page("job_delete", NOBODY, "queued", post="yes"),
    "change an entry of the log": _from_page("auditentry_change", NOBODY, "entry"),
    "delete an entry of the log": _from_page("auditentry_delete", NOBODY, "entry", post="yes"),
    "add an entry to the log": Deed(NOBODY, lambda world: reverse("admin:jobs_auditentry_add"), lambda world: {"action": "fail"}),
    "make a superuser": Deed(NOBODY, lambda world: reverse("admin:auth_user_add"), lambda world: {"username": "eve"}),
}


def _named(patterns: Any, namespace: str = "") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _named(pattern.url_patterns, f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace)
        elif isinstance(pattern, URLPattern) and pattern.name and namespace in ("pages:", "admin:"):
            yield f"{namespace}{pattern.name}"


def test_every_address_has_its_line() -> None:
    assert sorted(set(_named(get_resolver().url_patterns))) == sorted(PLACES)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_sees_what_is_its_own_and_is_refused_the_rest(role: str, world: World) -> None:
    browser, rank, before = browser_of(role), ROLES.index(role), None
    wrong = {}
    for name, place in PLACES.items():
        before = before or world.state()
        refusal = 404 if name in _WITHOUT_ROLE_NOT_FOUND else 403
        expected = place.answer if rank >= place.least else refusal
        answer = browser.get(reverse(name, args=place.of(world)))
        if answer.status_code != expected:
            wrong[name] = (answer.status_code, f"not {expected}")

    assert wrong == {}
    assert world.state() == before


def test_a_visitor_sees_nothing_but_the_door(client: Client, world: World) -> None:
    open_to_all = {"admin:login", "admin:logout"}
    seen = {
        name: answer.status_code
        for name, place in PLACES.items()
        if name not in open_to_all
        and not (answer := client.get(reverse(name, args=place.of(world)))).headers.get("Location", "").startswith("/admin/login/")
    }

    assert seen == {}


@pytest.mark.parametrize("name", DEEDS)
def test_each_role_does_what_is_its_own_and_nothing_else(name: str, world: World) -> None:
    deed, wrong = DEEDS[name], {}
    url, body = deed.url(world), deed.body(world)
    for rank, role in enumerate(ROLES):
        # Each in the same world: what one of them has done is taken back before the next.
        with transaction.atomic():
            browser, before = browser_of(role), world.state()
            answer = browser.post(url, body)
            done = (answer.status_code, world.state() != before)
            transaction.set_rollback(True)
        if not (done in ((200, True), (302, True)) if rank >= deed.least else done == (403, False)):
            wrong[role] = done

    assert wrong == {}


@pytest.mark.parametrize("name", [name for name, deed in DEEDS.items() if deed.least == NOBODY and name != "make a superuser"])
def test_what_is_open_to_nobody_is_not_open_to_superusers_either(name: str, world: World, admin_client: Client) -> None:
    deed, before = DEEDS[name], world.state()

    assert admin_client.post(deed.url(world), deed.body(world)).status_code == 403
    assert world.state() == before
