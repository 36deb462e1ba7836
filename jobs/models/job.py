from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.urls import reverse

from jobs import lifecycle, unique_keys
from jobs.actors import Actor, Holder
from jobs.enqueueing import NewJob, enqueue
from jobs.lifecycle import Status
from jobs.models.columns import Negated, PlainNumbers, TransactionIdField
from jobs.outcomes import Report, judge
from jobs.transitions import Ruling, Step, apply_one


class JobQuerySet(models.QuerySet["Job"]):
    def held_by(self, orchestrator_id: str) -> "JobQuerySet":
        """Claimed and running jobs of an orchestrator."""
        return self.filter(orchestrator_id=orchestrator_id, status__in=[*lifecycle.LIVE])

    def stuck(self) -> "JobQuerySet":
        """Held under a lease that has run out, or with a cancel that nobody obeyed in time: what the next sweep will move."""
        overdue = Now() - timedelta(seconds=settings.CANCEL_GRACE_SECONDS)
        return self.filter(status__in=[*lifecycle.LIVE]).filter(Q(lease_expires_at__lte=Now()) | Q(cancel_requested_at__lte=overdue))

    def ended_by(self, moment: datetime, *, status: Status) -> "JobQuerySet":
        """In this terminal status since then or longer, the oldest first."""
        return self.filter(status=status, updated_at__lte=moment).order_by("updated_at", "id")


class Job(models.Model):
    """A piece of work and where it stands. Its status changes through its verbs only; the database refuses every other way."""

    # Compared byte by byte whatever the locale of the database, so that ids ascend everywhere and a prefix search uses the key itself.
    id = models.CharField(max_length=50, primary_key=True, db_collation="C")
    type = models.CharField(max_length=100)
    status = models.CharField(max_length=20, choices=[(status, status.label) for status in Status], default=Status.QUEUED)
    # No constraint: its check would lock the lane's one row for every job made, and lanes are never deleted.
    lane = models.ForeignKey("jobs.Lane", on_delete=models.PROTECT, db_index=False, db_constraint=False, related_name="+")
    # Queued, and its time has come: exactly what the claim index holds.
    due = models.BooleanField(default=False)
    priority = models.SmallIntegerField(default=50)
    payload = models.JSONField(null=True, decoder=PlainNumbers)
    metadata = models.JSONField(default=dict, decoder=PlainNumbers)
    result = models.JSONField(null=True, decoder=PlainNumbers)
    last_error = models.TextField(null=True)  # noqa: DJ001  null means absent, on the wire and in the contract's queries
    error_category = models.CharField(max_length=20, null=True)  # noqa: DJ001
    exit_code = models.BigIntegerField(null=True)
    attempts = models.IntegerField(default=0)
    max_attempts = models.IntegerField(default=1)
    epoch = models.IntegerField(default=0)
    phase = models.CharField(max_length=200, null=True)  # noqa: DJ001
    progress = models.JSONField(null=True)
    partial = models.BooleanField(default=False)
    # The name of the producer, or `user:` and that of a person.
    created_by = models.CharField(max_length=160)
    orchestrator_id = models.CharField(max_length=128, null=True)  # noqa: DJ001
    claim_id = models.CharField(max_length=128, null=True)  # noqa: DJ001
    timeout_seconds = models.IntegerField(default=3600)
    scheduled_for = models.DateTimeField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    # From the first heartbeat that names the job, heartbeats alone keep its lease.
    kept_by_heartbeats = models.BooleanField(default=False)
    claim_losses = models.SmallIntegerField(default=0)
    progress_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    retried_from = models.CharField(max_length=50, null=True)  # noqa: DJ001
    # Of the jobs that have not ended, at most one has it.
    unique_key = models.CharField(max_length=200, null=True)  # noqa: DJ001
    # What an orchestrator must have declared to get it, sorted; null: nothing. (The lane says so, too, for the claim.)
    labels = ArrayField(models.TextField(), null=True)
    # Where the job wants it otherwise than its type: backoffBaseSeconds, backoffCapSeconds, retryableCategories.
    retry_policy = models.JSONField(null=True)
    # It counts towards the concurrency limit of its type.
    holds_slot = models.BooleanField(default=False, db_default=False)
    # By which failures of one kind are known: of the last run that failed (jobs/fingerprints.py).
    fingerprint = models.CharField(max_length=16, null=True)  # noqa: DJ001
    # When running leases of it were lost, as far back as it matters.
    lease_losses = ArrayField(models.DateTimeField(), null=True)
    quarantined_at = models.DateTimeField(null=True)
    # When it was given back lately, as many times as it takes to tell that it goes round and round.
    releases = ArrayField(models.DateTimeField(), null=True)
    # When its holder was first told that a cancel is pending.
    cancel_seen_at = models.DateTimeField(null=True)
    # Sequence of the newest audit entry. On the row, because after a wait for the lock only the row is new, not the statement's snapshot.
    audit_seq = models.IntegerField(default=0)
    event_xid = TransactionIdField()
    # Of which claims a verdict came too late: one entry for each.
    late_epochs = ArrayField(models.IntegerField(), default=list)
    # The last report of the holder, by which the same one is known again.
    report_epoch = models.IntegerField(null=True)
    report_digest = models.BinaryField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        db_table = "jobs"
        ordering = ["-created_at", "-id"]
        # Who has which: jobs/roles.py.
        permissions = [
            ("view_payload", "Can read the payload, the result and the metadata of jobs"),
            ("force_job", "Can end a job without waiting for its orchestrator"),
            ("act_on_many", "Can act on more than 50 jobs at once"),
        ]
        indexes = [
            models.Index(F("lane"), Negated(F("priority")), F("scheduled_for"), F("id"), name="jobs_claim", condition=Q(due=True)),
            models.Index(fields=["scheduled_for", "id"], name="jobs_future", condition=Q(status=Status.QUEUED, due=False)),
            models.Index(
                fields=["orchestrator_id", "status", "updated_at"], name="jobs_live", condition=Q(status__in=sorted(lifecycle.LIVE))
            ),
            models.Index(fields=["created_at", "id"], name="jobs_created"),
            # What one producer's list reads. Those of the shared key are not told apart by it, so they don't pay for it.
            models.Index(fields=["created_by", "created_at", "id"], name="jobs_made", condition=~Q(created_by="service")),
            models.Index(fields=["updated_at", "id"], name="jobs_updated"),
            # Lists of one status. The few held jobs are found by jobs_live, so a claim and a start write nothing here.
            models.Index(
                fields=["status", "updated_at", "id"],
                name="jobs_status_updated",
                condition=Q(status__in=sorted({*Status} - lifecycle.LIVE)),
            ),
            # Lists of one type, and of a type in one status; as above, held jobs are found by jobs_live.
            models.Index(
                fields=["type", "status", "updated_at", "id"],
                name="jobs_type_status",
                condition=Q(status__in=sorted({*Status} - lifecycle.LIVE)),
            ),
            # Lists by priority, and by how long the run took that ended it.
            models.Index(fields=["priority", "id"], name="jobs_priority", condition=Q(status__in=sorted({*Status} - lifecycle.LIVE))),
            models.Index(
                F("completed_at") - F("started_at"),
                F("id"),
                name="jobs_duration",
                condition=Q(status__in=sorted(lifecycle.TERMINAL), started_at__isnull=False),
            ),
            # Of a failure group, the jobs that have ended so.
            models.Index(fields=["fingerprint", "updated_at", "id"], name="jobs_failed_alike", condition=Q(status=Status.FAILED)),
            # What counts towards the limit of a type. (Jobs of types without one pay nothing.)
            models.Index(fields=["type"], name="jobs_slots", condition=Q(holds_slot=True)),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=list(Status)), name="jobs_status_known"),
            models.CheckConstraint(condition=Q(due=False) | Q(status=Status.QUEUED), name="jobs_due_is_queued"),
            models.CheckConstraint(
                condition=Q(status__in=sorted(lifecycle.LIVE), lease_expires_at__isnull=False)
                | (~Q(status__in=sorted(lifecycle.LIVE)) & Q(lease_expires_at__isnull=True, holds_slot=False)),
                # (Nor does anything else have a slot. In one CHECK, for each is read anew by every statement.)
                name="jobs_live_has_lease",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=sorted(lifecycle.LIVE)) | Q(orchestrator_id__isnull=False, claimed_at__isnull=False, epoch__gt=0),
                name="jobs_live_has_holder",
            ),
            models.CheckConstraint(condition=~Q(status=Status.QUEUED) | Q(orchestrator_id__isnull=True), name="jobs_queued_has_no_holder"),
            models.CheckConstraint(condition=~Q(status=Status.RUNNING) | Q(started_at__isnull=False), name="jobs_running_has_started"),
            models.CheckConstraint(
                condition=Q(status__in=sorted(lifecycle.TERMINAL), completed_at__isnull=False)
                | (~Q(status__in=sorted(lifecycle.TERMINAL)) & Q(completed_at__isnull=True)),
                name="jobs_finished_has_end",
            ),
            models.CheckConstraint(condition=Q(attempts__gte=0, epoch__gte=0, audit_seq__gte=0), name="jobs_counters_positive"),
            models.CheckConstraint(condition=Q(attempts__lte=F("max_attempts")), name="jobs_attempts_within_limit"),
            models.CheckConstraint(condition=Q(priority__range=(0, 100)), name="jobs_priority_range"),
            models.UniqueConstraint(
                fields=["unique_key"],
                condition=Q(unique_key__isnull=False, status__in=sorted(lifecycle.UNFINISHED)),
                name=unique_keys.CONSTRAINT,
            ),
        ]

    def __str__(self) -> str:
        return self.id

    def get_absolute_url(self) -> str:
        return reverse("pages:job", args=[self.id])

    @property
    def attempt_number(self) -> int:
        """The run that the job is in, waits for or ended with: 1 for the first. (`attempts` counts the failed ones.)"""
        return self.attempts + (self.status != Status.FAILED)

    # The verbs. Each asks the door for one change, brings this object up to date, and raises a TransitionRefused when nothing was changed.
    # Holders (by=Holder.of(…)) speak of a job they hold; epoch is that of their verified lease token, if they sent one.

    def acknowledge(self, *, by: Actor, epoch: int | None = None) -> Ruling:
        """The holder has received the job: a longer lease."""
        return self._take(Step(job_id=self.id, action="acknowledge", epoch=epoch), by)

    def start(self, *, by: Actor, epoch: int | None = None) -> Ruling:
        """claimed → running, by its holder."""
        return self._take(Step(job_id=self.id, action="start", epoch=epoch), by)

    def complete(self, report: Report | None = None, *, by: Actor, epoch: int | None = None) -> Ruling:
        """running → completed, or what the report comes to when it tells of an error; of a claimed job start and complete at once."""
        return self._take(Step.ending(judge(report or Report()), job_id=self.id, epoch=epoch), by)

    def fail(self, report: Report, *, by: Actor, epoch: int | None = None) -> Ruling:
        """claimed, running → failed, and on to queued while attempts are left; by its holder, or by staff (force)."""
        return self._take(Step.ending(judge(msgspec.structs.replace(report, status="failed")), job_id=self.id, epoch=epoch), by)

    def cancel(self, *, by: Actor, reason: str | None = None, force: bool = False, epoch: int | None = None) -> Ruling:
        """queued → cancelled at once. Of a held job staff and producers request it, its holder then obeys; `force` does not wait."""
        if isinstance(by, Holder):
            return self._take(
                Step.ending(judge(Report(status="cancelled", message=reason)), job_id=self.id, epoch=epoch, reason=reason), by
            )
        return self._take(Step(job_id=self.id, action="cancel", reason=reason, force=force), by)

    def release(self, *, by: Actor, reason: str | None = None, epoch: int | None = None) -> Ruling:
        """claimed, running → queued, no attempt counted; cancelled when a cancel is pending."""
        return self._take(Step(job_id=self.id, action="release", epoch=epoch, reason=reason), by)

    def retry(self, *, by: Actor, reason: str | None = None) -> Ruling:
        """failed, cancelled → queued, with at least one more attempt."""
        return self._take(Step(job_id=self.id, action="retry", reason=reason), by)

    def edit(self, *, by: Actor, reason: str | None = None, **changes: Any) -> Ruling:
        """Changes priority, scheduled_for, metadata, max_attempts or timeout_seconds of a queued job."""
        return self._take(Step.editing(changes, job_id=self.id, reason=reason), by)

    def run_again(self, *, by: Actor, **changes: Any) -> "Job":
        """A new job like this finished one, which never changes any more.

        Args:
            changes: payload, priority or scheduled_for of the new job, where they differ.

        Raises:
            InvalidTransition: this job has not ended.
            KeyTaken: another job has its unique key by now.
        """
        if not Status(self.status).is_terminal:
            raise lifecycle.InvalidTransition(
                f"Job {self.id} is {self.status}: it can be run again once it has ended.",
                job_id=self.id,
                status=Status(self.status),
                requested=Status.QUEUED,
                job=self,
            )
        asked = {"type": self.type, "payload": self.payload, "metadata": self.metadata, "priority": self.priority,
                 "max_attempts": self.max_attempts, "timeout_seconds": self.timeout_seconds,
                 "unique_key": self.unique_key, "labels": self.labels or (), "retry_policy": self.retry_policy} | changes  # fmt: skip
        (job,) = enqueue([NewJob(**asked, retried_from=self.id)], by=by)
        return job

    def _take(self, step: Step, by: Actor) -> Ruling:
        ruling = apply_one(step, by=by)
        if ruling.job:
            self.__dict__.update({name: value for name, value in ruling.job.__dict__.items() if name != "_state"})
            # The door does not bring back payload and result; the result may have changed.
            self.__dict__.pop("result", None)
        return ruling
