"""Every kind of caller at every route: it gets what the table says, and where it is refused nothing has changed."""

import pytest
from rest_framework.test import APIClient

from jobsite.urls import urlpatterns
from orchestration_api.urls import release
from tests.orchestration_api.access import ACCESS, CALLS, DEAD, LIVING, access, address, body_for, headers_for, id_for, job_for, routes
from tests.orchestration_api.test_refusals import everything
from tests.orchestration_api.wire import assert_error, send

pytestmark = pytest.mark.django_db
TABLE = access()
each_route = pytest.mark.parametrize(("method", "path"), CALLS, ids=lambda word: word.strip("/"))


def test_every_route_is_in_the_table_and_says_what_opens_it() -> None:
    assert set(routes()) == set(CALLS)
    # Outside of the base path there is one: a door of its own would not be in the table.
    assert [view for view in (getattr(route, "callback", None) for route in urlpatterns) if hasattr(view, "actions")] == [release]
    assert {call.row for call in CALLS.values()} == set(TABLE)
    assert [route for route, method in routes().items() if not hasattr(method, "opened_by")] == []
    assert all(set(row) == set(LIVING) for row in TABLE.values()), ACCESS


@each_route
@pytest.mark.parametrize("who", LIVING)
def test_a_caller_gets_what_the_table_says(who: str, method: str, path: str) -> None:
    call = CALLS[method, path]
    job = job_for(call, of_staff=who == "of staff")
    client = APIClient(headers=headers_for(LIVING[who](), job))
    identifier = id_for(path, call, job)
    before = everything()
    answer = send(client, method.lower(), address(path, job, identifier), body_for(call, job))

    expected = TABLE[call.row][who]
    if expected == "ok":
        assert 200 <= answer.status_code < 300, answer.content
        return
    nothing_there = "JOB_NOT_FOUND" if identifier == job.id else "RESOURCE_NOT_FOUND"
    code = {"403": "AUTHZ_INSUFFICIENT_PERMISSIONS", "404": nothing_there}[expected]
    details = assert_error(answer, int(expected), code)
    assert everything() == before
    if expected == "403":
        assert set(details["needed"]) == routes()[method, path].opened_by  # type: ignore[attr-defined]
    else:
        # To the byte what an id gets that is none, but for itself and the time.
        nowhere = send(client, method.lower(), path.format(id="job_" + "0" * 26), body_for(call, job)).json()["error"]
        told = answer.json()["error"]
        for error in (nowhere, told):
            del error["timestamp"], error["traceId"]
        assert told | {"message": told["message"].replace(identifier, "job_" + "0" * 26)} == nowhere


@each_route
@pytest.mark.parametrize("who", DEAD)
def test_a_dead_token_opens_nothing(who: str, method: str, path: str) -> None:
    call = CALLS[method, path]
    job = job_for(call)
    client = APIClient(headers=headers_for(DEAD[who](), job))
    identifier = id_for(path, call, job)
    before = everything()
    answer = send(client, method.lower(), address(path, job, identifier), body_for(call, job))

    assert_error(answer, 401, "AUTH_EXPIRED_TOKEN" if who == "expired" else "AUTH_INVALID_TOKEN")
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert everything() == before
