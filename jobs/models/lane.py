from django.db import models


class Lane(models.Model):
    """What jobs are routed by, as one small number that leads the claim index.

    A filter on a globally ordered index walks over everything that does not match; an index led by the whole routing key stays flat.
    Lanes are few, made on first sight of a type, and never deleted.
    """

    type = models.CharField(max_length=100, unique=True)

    class Meta:
        db_table = "lanes"

    def __str__(self) -> str:
        return self.type
