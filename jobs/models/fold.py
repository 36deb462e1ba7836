from django.db import models

from jobs.models.columns import TransactionIdField


class Fold(models.Model):
    """How far a reader of the audit log has got that takes its entries into figures (jobs/folding.py): behind this entry."""

    name = models.CharField(primary_key=True, max_length=40, db_collation="C")
    xid = TransactionIdField()
    entry = models.BigIntegerField()

    class Meta:
        db_table = "folds"

    def __str__(self) -> str:
        return f"{self.name} behind {self.xid}-{self.entry}"
