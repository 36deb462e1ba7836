from django.db import models


class IdempotencyKey(models.Model):
    """A call that was answered, kept for a day so that the same call sent again gets the same answer and does nothing."""

    pk = models.CompositePrimaryKey("owner", "key")
    # Whose key it is: two callers may use the same one.
    owner = models.CharField(max_length=160)
    key = models.CharField(max_length=255)
    # SHA-256 of what was asked.
    digest = models.BinaryField()
    status = models.SmallIntegerField()
    answer = models.BinaryField()
    answered_at = models.DateTimeField()

    class Meta:
        db_table = "idempotency_keys"
        indexes = [models.Index(fields=["answered_at"], name="idempotency_keys_answered")]

    def __str__(self) -> str:
        return f"{self.owner}: {self.key}"
