"""What producers need: who made a job, people apart from programs."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0004_lease_key")]
    operations = [
        migrations.AlterField("job", "created_by", models.CharField(max_length=160)),
    ]
