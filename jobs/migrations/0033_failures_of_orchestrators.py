"""An index for what each orchestrator reported as failed. It costs an entry for each such report, and nothing for any other change."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0030_lists_of_jobs")]
    operations = [
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(
                fields=["actor", "at"],
                name="audit_log_failed_by",
                condition=models.Q(("action", "fail"), ("actor_kind", "orchestrator")),
            ),
        )
    ]
