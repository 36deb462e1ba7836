"""Three kinds of person, each with the permissions of jobs/roles.py."""

from django.apps import apps as current
from django.contrib.auth.management import create_permissions
from django.db import migrations

from jobs import roles


def make_groups(apps, schema_editor):
    # Permissions are made after the last migration otherwise: too late for who is to have them.
    create_permissions(current.get_app_config("jobs"), verbosity=0, using=schema_editor.connection.alias, apps=apps)
    roles.grant(apps.get_model("auth", "Group"), apps.get_model("auth", "Permission"))


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0028_due_of_retries"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="job",
            options={
                "ordering": ["-created_at", "-id"],
                "permissions": [
                    ("view_payload", "Can read the payload, the result and the metadata of jobs"),
                    ("force_job", "Can end a job without waiting for its orchestrator"),
                    ("act_on_many", "Can act on more than 50 jobs at once"),
                ],
            },
        ),
        migrations.RunPython(make_groups, migrations.RunPython.noop),
    ]
