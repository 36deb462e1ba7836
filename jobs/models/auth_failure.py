from django.db import models


class AuthFailure(models.Model):
    """How many wrong tokens came from an address since its count began. Rows live for a minute; the sweep removes them."""

    address = models.CharField(max_length=50, primary_key=True, db_collation="C")
    began_at = models.DateTimeField()
    count = models.IntegerField()

    class Meta:
        db_table = "auth_failures"

    def __str__(self) -> str:
        return f"{self.count} from {self.address}"
