from django.contrib.postgres.fields import ArrayField
from django.db import models


class Lane(models.Model):
    """What jobs are routed by, their type and the labels they require, as one small number that leads the claim index.

    A filter on a globally ordered index walks over everything that does not match; an index led by the whole routing key stays flat.
    Lanes are few, made when the first job needs one, and never deleted.
    """

    type = models.CharField(max_length=100)
    # What an orchestrator must have declared, all of it. Sorted and distinct, so that one set is one lane.
    labels = ArrayField(models.TextField(), default=list, db_default=[])

    class Meta:
        db_table = "lanes"
        constraints = [models.UniqueConstraint(fields=["type", "labels"], name="lanes_one_each")]

    def __str__(self) -> str:
        return " ".join([self.type, *self.labels])
