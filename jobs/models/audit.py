from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.fields.json import KeyTextTransform

from jobs.lifecycle import ActorKind
from jobs.models.columns import TransactionIdField


class AuditEntry(models.Model):
    """One change, written in the same statement as the change itself and never altered afterwards: the database refuses.

    The entries of a job number 0, 1, 2 … without gaps. There is no foreign key to jobs: the log outlives them. The door is the only
    writer of these; acts on what is no job (a token) have a subject instead, and jobs.records writes them.
    """

    id = models.BigAutoField(primary_key=True)
    job_id = models.CharField(max_length=50, null=True, db_collation="C")  # noqa: DJ001
    sequence = models.IntegerField(null=True)
    subject_type = models.CharField(max_length=40, null=True)  # noqa: DJ001
    subject_id = models.CharField(max_length=128, null=True)  # noqa: DJ001
    action = models.CharField(max_length=40)
    from_status = models.CharField(max_length=20, null=True)  # noqa: DJ001
    to_status = models.CharField(max_length=20, null=True)  # noqa: DJ001
    actor_kind = models.CharField(max_length=20, choices=[(kind, kind) for kind in ActorKind])
    actor = models.CharField(max_length=150)
    epoch = models.IntegerField(null=True)
    attempt = models.IntegerField(null=True)
    reason = models.TextField(null=True)  # noqa: DJ001
    request_id = models.CharField(max_length=128, null=True)  # noqa: DJ001
    at = models.DateTimeField()
    stated_at = models.DateTimeField(null=True)
    detail = models.JSONField(null=True)
    # SHA-256 of the report that caused the change: the same report again is recognised by it.
    digest = models.BinaryField(null=True)
    xid = TransactionIdField()

    class Meta:
        db_table = "audit_log"
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"
        constraints = [models.UniqueConstraint(fields=["job_id", "sequence"], name="audit_log_job_sequence")]
        indexes = [
            models.Index(fields=["xid", "id"], name="audit_log_feed"),
            # What the fold of failures reads, however much else happened.
            models.Index(fields=["xid", "id"], name="audit_log_failures", condition=models.Q(action="fail")),
            # The log only grows, in the order of time: a block range index finds a period at next to no cost.
            BrinIndex(fields=["at"], name="audit_log_at"),
            # Cancels that an orchestrator ignored until they were forced.
            models.Index(
                KeyTextTransform("ignoredBy", "detail"),
                "at",
                name="audit_log_ignored",
                condition=models.Q(actor_kind="sweep", action="cancel"),
            ),
            # The runs that an orchestrator reported as failed.
            models.Index(fields=["actor", "at"], name="audit_log_failed_by", condition=models.Q(action="fail", actor_kind="orchestrator")),
            # Of what is no job: tokens and their like.
            models.Index(
                fields=["subject_type", "subject_id", "id"], name="audit_log_subject", condition=models.Q(subject_type__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.job_id} #{self.sequence} {self.action}" if self.job_id else f"{self.subject_type} {self.subject_id} {self.action}"
