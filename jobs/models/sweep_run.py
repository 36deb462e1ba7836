from django.db import models


class SweepRun(models.Model):
    """That a rule was looked after, and what came of it. A loop writes down when it found something, and once an hour when it did not.

    What was done to each job stands in the audit log; these rows are forgotten after a while.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    rule = models.CharField(max_length=40)
    # Jobs in the state that the rule is about, stuck or not.
    examined = models.IntegerField()
    # Those it is about that were stuck. In a dry run, and by a rule that only tells, they are not changed.
    found = models.IntegerField()
    changed = models.IntegerField()
    # Of the whole sweep, which looked after all its rules at once.
    seconds = models.FloatField()
    # `sweep` for a loop; else who ran it by hand.
    actor = models.CharField(max_length=150)
    reason = models.TextField(null=True)  # noqa: DJ001  null: none was given, as everywhere
    dry_run = models.BooleanField()
    # Why running leases were kept, while the brake held.
    brake = models.TextField(null=True)  # noqa: DJ001

    class Meta:
        db_table = "sweep_runs"
        indexes = [models.Index(fields=["rule", "at"], name="sweep_runs_rule")]

    def __str__(self) -> str:
        return f"{self.rule} {self.at:%Y-%m-%d %H:%M:%S}"
