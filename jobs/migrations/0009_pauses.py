"""Pauses, and the claim that heeds them."""

import django.db.models.functions.datetime
from django.db import migrations, models

CLAIM_UNPAUSED = """
-- Which lanes may be claimed from at all: the one place that says so, for claim, probe and count alike.
create view claimable_lanes as
select l.id, l.type from lanes l
where not exists (select from pauses p where p.scope = 'site' or p.scope = 'type' and p.name = l.type);

-- As claim_jobs, but nothing of what is paused. The lock is shared with all other claims; who pauses waits for those under way, and those
-- that come later wait for it: they look at the pauses in a statement of their own, which sees what was committed meanwhile.
create function claim_unpaused(
  types text[], batch_size int, holder text, claim text, request text, lease_seconds int, answer_limit bigint)
returns setof jobs language plpgsql volatile as $f$ begin
  perform pg_advisory_xact_lock_shared(hashtextextended('pauses', 0));
  if exists (select from pauses p where p.scope = 'orchestrator' and p.name = holder) then
    return;
  end if;
  return query select j.* from claim_jobs(
    array(select l.type::text from claimable_lanes l where types is null or l.type = any(types)),
    batch_size, holder, claim, request, lease_seconds, answer_limit) j;
end $f$
"""
CLAIM_UNPAUSED_REVERSE = """
drop function claim_unpaused(text[], int, text, text, text, int, bigint);
drop view claimable_lanes;
"""
SCOPES = [("site", "Site"), ("type", "Type"), ("orchestrator", "Orchestrator")]
MODES = [("paused", "Paused"), ("drained", "Drained"), ("disabled", "Disabled")]


class Migration(migrations.Migration):
    dependencies = [("jobs", "0008_watch")]
    operations = [
        migrations.CreateModel(
            name="Pause",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("scope", models.CharField(choices=SCOPES, max_length=20)),
                ("name", models.CharField(max_length=128)),
                ("mode", models.CharField(choices=MODES, max_length=20)),
                ("reason", models.TextField()),
                ("paused_by", models.CharField(max_length=150)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={"db_table": "pauses"},
        ),
        migrations.AddConstraint(model_name="pause", constraint=models.UniqueConstraint(fields=("scope", "name"), name="pauses_one_each")),
        migrations.AddConstraint(
            model_name="pause",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("mode", "paused"), ("name", ""), ("scope", "site")),
                    models.Q(("mode", "paused"), ("scope", "type"), models.Q(("name", ""), _negated=True)),
                    models.Q(
                        ("mode__in", ["drained", "disabled"]), ("scope", "orchestrator"), models.Q(("name", ""), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="pauses_mode_fits_scope",
            ),
        ),
        migrations.RunSQL(CLAIM_UNPAUSED, CLAIM_UNPAUSED_REVERSE),
    ]
