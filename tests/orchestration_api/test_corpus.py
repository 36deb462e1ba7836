"""Every line of the corpus at every endpoint: no 5xx, no HTML, the one shape of errors, and what is refused has changed nothing."""

import pytest

from tests.orchestration_api.bad_input import KINDS, BadInput, corpus
from tests.orchestration_api.endpoints import ENDPOINTS, WRITING, Endpoint
from tests.orchestration_api.scrutiny import HEADERS, Sent, Subject, complaints, one_job_of_each_kind, suits

ALL = corpus()
# The endpoints that look at such a part at all.
_LOOKED_AT = {
    "body": WRITING,
    "path": [(method, path) for method, path in ENDPOINTS if "{id}" in path],
    "query": [(method, path) for method, path in ENDPOINTS if method == "get"],
}


def test_the_corpus_is_large_and_names_everything_once() -> None:
    assert len(ALL) >= 150
    assert len({each.name for each in ALL}) == len(ALL)
    assert {each.kind for each in ALL} == set(KINDS)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=" ".join)
def test_bad_input_is_refused_and_changes_nothing(db: None, endpoint: Endpoint) -> None:
    job = suits(endpoint, one_job_of_each_kind())
    sent = [sent_to(endpoint, job, bad) for bad in ALL if is_looked_at(bad, endpoint)]

    assert list(complaints(sent)) == []


@pytest.mark.slow
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=" ".join)
def test_bad_input_that_an_endpoint_does_not_look_at_breaks_nothing_either(db: None, endpoint: Endpoint) -> None:
    job = suits(endpoint, one_job_of_each_kind())
    sent = [sent_to(endpoint, job, bad) for bad in ALL if not is_looked_at(bad, endpoint)]

    assert list(complaints(sent)) == []


def is_looked_at(bad: BadInput, endpoint: Endpoint) -> bool:
    """The rest of the product is for the slow round."""
    return endpoint in _LOOKED_AT.get(bad.kind, ENDPOINTS) and (not bad.expect or bad.is_expected_of(named(endpoint)))


def named(endpoint: Endpoint) -> str:
    return f"{endpoint[0].upper()} {endpoint[1]}"


def sent_to(endpoint: Endpoint, job: Subject, bad: BadInput) -> Sent:
    """A request that is right but for one part."""
    method, path = endpoint
    text = bad.value.decode("latin-1")
    target = path.format(id=text if bad.kind == "path" else job.id)
    return Sent(
        name=bad.name,
        method=text if bad.kind == "method" else method.upper(),
        target=target + (text if bad.kind == "suffix" else f"?{text}" if bad.kind == "query" else ""),
        body=bad.value if bad.kind == "body" else b"" if method == "get" else b"{}",
        headers=HEADERS | bad.headers,
        expect=bad.expect if bad.is_expected_of(named(endpoint)) else frozenset(),
    )
