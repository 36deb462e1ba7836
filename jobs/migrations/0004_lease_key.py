"""The first key for lease tokens, made where it is kept."""

import secrets

from django.db import migrations


def make_key(apps, schema_editor):
    apps.get_model("jobs", "LeaseKey").objects.create(secret=secrets.token_bytes(32))


class Migration(migrations.Migration):
    dependencies = [("jobs", "0003_claim_jobs")]
    operations = [migrations.RunPython(make_key, migrations.RunPython.noop)]
