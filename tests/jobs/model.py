"""A job as the contract describes it, in plain Python: what the state machine test holds the real one against.

Written from the contract's sentences and not from the code: where the two disagree, one of them is wrong.
"""

from dataclasses import dataclass, field

LIVE = ("claimed", "running")
ENDINGS = ("complete", "fail", "cancel")


@dataclass
class Applied:
    """A report that was taken."""

    who: str
    epoch: int
    digest: str
    action: str


@dataclass
class ModelJob:
    max_attempts: int
    status: str = "queued"
    epoch: int = 0
    attempts: int = 0
    holder: str | None = None
    expired: bool = False
    cancelling: bool = False
    acknowledged: bool = False
    claim_losses: int = 0
    # All within the hour, as these histories are.
    given_back: int = 0
    lost_runs: int = 0
    taken: list[Applied] = field(default_factory=list)
    late: set[tuple[str, int]] = field(default_factory=set)
    log: list[str] = field(default_factory=lambda: ["enqueue"])

    def claim(self, who: str) -> None:
        self.status, self.holder, self.epoch = "claimed", who, self.epoch + 1
        self.expired = self.acknowledged = False
        self.log.append("claim")

    def report(self, who: str, action: str, *, epoch: int | None, digest: str, retryable: bool) -> str:
        """The verdict on a report of an orchestrator, and what it does. (Contract §4, order of checks.)"""
        holds = self.status in LIVE and self.holder == who and epoch in (None, self.epoch)
        mine = [done for done in self.taken if done.who == who and epoch in (None, done.epoch)]
        current = [done for done in mine if done.epoch == self.epoch and done.action in (*ENDINGS, "release")]
        if (current and current[-1].digest == digest) or (not holds and any(done.digest == digest for done in mine)):
            return "replayed"
        if not holds:
            # Without a token it speaks of the claim it held last.
            about = epoch if epoch is not None else self._last_held_by(who)
            if any(done.action in ENDINGS and done.epoch == about for done in mine):
                return "already_finished"
            return self._too_late(who, action, epoch, "not_owner" if epoch is None else "lease_lost")
        if self.expired:
            return self._too_late(who, action, epoch, "lease_expired")
        if (action == "acknowledge" and (self.acknowledged or self.status == "running")) or (
            action == "start" and self.status == "running"
        ):
            return "unchanged"
        # To give back what is to be cancelled ends it.
        self.taken.append(Applied(who, self.epoch, digest, "cancel" if action == "release" and self.cancelling else action))
        self._take(action, retryable)
        return "applied"

    def order(self, action: str, *, force: bool) -> str:
        """The verdict on what staff ask for."""
        if action == "retry" and self.status in ("failed", "cancelled"):
            self.max_attempts = max(self.max_attempts, self.attempts + 1)
            self._back("retry")
            self.claim_losses = self.given_back = self.lost_runs = 0
        elif (action == "cancel" and self.status == "queued") or (action == "cancel" and force and self.status in LIVE):
            self._end("cancelled", "cancel")
        elif action == "cancel" and self.status in LIVE:
            if self.cancelling:
                return "unchanged"
            self.cancelling = True
            self.log.append("cancel_request")
        elif action == "release" and self.status in LIVE:
            # What staff take back is not counted.
            self._end("cancelled", "cancel") if self.cancelling else self._back("release")
        else:
            return "invalid_transition"
        return "applied"

    def sweep(self) -> None:
        """What time does to a job whose lease has run out."""
        if self.status not in LIVE or not self.expired:
            return
        if self.cancelling:
            self._end("cancelled", "cancel")
        elif self.status == "claimed":
            self.claim_losses += not self.acknowledged
            if self.acknowledged:
                self._give_back()
            elif self.claim_losses < 5:
                self._back("release")
            else:
                self._fail(retryable=False)
        else:
            self.lost_runs += 1
            self._fail(retryable=self.lost_runs < 3)

    def _take(self, action: str, retryable: bool) -> None:
        if action == "acknowledge":
            self.acknowledged, self.claim_losses = True, 0
            self.log.append("acknowledge")
        elif action == "start":
            self.status, self.claim_losses = "running", 0
            self.log.append("start")
        elif action == "complete":
            if self.status == "claimed":
                self.log.append("start")
            self._end("completed", "complete")
        elif action == "release" and not self.cancelling:
            self._give_back()
        elif action == "release" or (action == "cancel" and self.cancelling):
            self._end("cancelled", "cancel")
        else:
            # A cancel that nobody asked for is a failure, and such a one is not tried again.
            self._fail(retryable=retryable and action == "fail")

    def _give_back(self) -> None:
        """Back to the queue; the tenth time it fails."""
        self.given_back += 1
        if self.given_back < 10:
            self._back("release")
        else:
            self._fail(retryable=False)

    def _fail(self, *, retryable: bool) -> None:
        again = retryable and not self.cancelling and self.attempts + 1 < self.max_attempts
        self.attempts += 1
        if again:
            self.log.append("fail")
            self._back("retry")
        else:
            self._end("failed", "fail")

    def _end(self, status: str, entry: str) -> None:
        self.status = status
        self.log.append(entry)

    def _back(self, entry: str) -> None:
        self.status, self.holder = "queued", None
        self.cancelling = self.acknowledged = self.expired = False
        self.log.append(entry)

    def _too_late(self, who: str, action: str, epoch: int | None, verdict: str) -> str:
        """A verdict that comes too late is kept once for each claim that the caller once held."""
        held = epoch if epoch is not None else self._last_held_by(who)
        if action in ENDINGS and held is not None and (who, held) not in self.late:
            self.late.add((who, held))
            self.log.append("late_report")
        return verdict

    def _last_held_by(self, who: str) -> int | None:
        return max((epoch for holder, epoch in self.claims if holder == who), default=None)

    claims: list[tuple[str, int]] = field(default_factory=list)
