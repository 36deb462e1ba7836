"""Tokens that are issued, revoked and counted at the same moment."""

from functools import partial

from jobs import throttling, tokens
from jobs.models import ApiToken, AuditEntry, AuthFailure
from tests.concurrency.crowd import in_threads
from tests.factories import STAFF


def test_of_many_issued_at_once_two_live(live_db: str) -> None:
    def issue() -> bool:
        try:
            tokens.issue("importer", scopes=["read"], by=STAFF)
        except tokens.TokenRefused:
            return False
        return True

    for _ in range(5):
        assert sum(in_threads([issue] * 8)) == 2
        assert ApiToken.objects.live().count() == 2
        tokens.revoke("importer", by=STAFF)


def test_a_token_revoked_twice_at_once_is_revoked_once(live_db: str) -> None:
    for _ in range(10):
        public_id = tokens.issue("importer", scopes=["read"], by=STAFF).token.public_id
        revoked = in_threads([partial(tokens.revoke, public_id, by=STAFF)] * 4)

        assert sum(map(len, revoked)) == 1
        assert AuditEntry.objects.filter(subject_id=public_id, action="revoke").count() == 1


def test_every_wrong_token_is_counted_and_sweeps_between_disturb_nobody(live_db: str) -> None:
    def guess() -> None:
        for _ in range(50):
            throttling.count_failure("192.0.2.1")

    def sweep() -> None:
        for _ in range(50):
            throttling.forget_old_failures()

    in_threads([guess, guess, guess, guess, sweep, sweep])

    assert AuthFailure.objects.get().count == 200
