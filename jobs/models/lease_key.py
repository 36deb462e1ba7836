from django.db import models


class LeaseKey(models.Model):
    """A key that lease tokens are signed with: the newest signs, all verify. Kept here so that every server has the same ones."""

    secret = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "lease_keys"

    def __str__(self) -> str:
        return f"lease key {self.pk}"
