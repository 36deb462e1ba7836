"""What producers need: who made a job, people apart from programs, and a key that keeps the same work from being asked for twice."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0005_identity")]
    operations = [
        migrations.AlterField("job", "created_by", models.CharField(max_length=160)),
        migrations.AddField("job", "unique_key", models.CharField(max_length=200, null=True)),
        migrations.AddConstraint(
            "job",
            models.UniqueConstraint(
                fields=["unique_key"],
                condition=models.Q(unique_key__isnull=False, status__in=["claimed", "queued", "running"]),
                name="jobs_unique_key",
            ),
        ),
    ]
