"""The watch over jobsite itself, and whether its brake holds, for the statements that judge leases."""

from django.db import migrations, models

# Volatile and in plpgsql on purpose: so it sees the row as it is now, not as it was before the calling statement waited for its locks.
# Called for expired leases only.
BRAKE_HOLDS = """
insert into watch (id) values (1);
create function brake_holds(at timestamptz) returns boolean language plpgsql volatile as $f$ begin
  return exists (select from watch w where w.brake_until > at or w.sweeper_due_by < at or w.web_due_by < at);
end $f$
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0007_idempotency_keys")]
    operations = [
        migrations.CreateModel(
            name="Watch",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("sweeper_due_by", models.DateTimeField(null=True)),
                ("web_due_by", models.DateTimeField(null=True)),
                ("brake_since", models.DateTimeField(null=True)),
                ("brake_until", models.DateTimeField(null=True)),
                ("brake_from", models.DateTimeField(null=True)),
                ("brake_reason", models.TextField(null=True)),
            ],
            options={"db_table": "watch"},
        ),
        migrations.AddConstraint(
            model_name="watch", constraint=models.CheckConstraint(condition=models.Q(("id", 1)), name="watch_is_one_row")
        ),
        migrations.RunSQL(BRAKE_HOLDS, "drop function brake_holds(timestamptz);"),
    ]
