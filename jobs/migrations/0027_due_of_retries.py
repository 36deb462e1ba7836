"""Reads also out of a retry by people for when it set its job: those of a failure group may be spread over a time."""

from django.db import migrations

# For which time an entry set the job; null when for none. What a release or a plain retry by people queues again keeps its earlier time.
DUE_TOLD = """
create or replace function due_told(action text, at timestamptz, detail jsonb) returns timestamptz language sql stable as $f$
  select case action
    when 'enqueue' then coalesce((detail ->> 'scheduledFor')::timestamptz, at)
    when 'retry' then coalesce((detail ->> 'scheduledFor')::timestamptz, at + make_interval(secs => (detail ->> 'delaySeconds')::float8))
    when 'edit' then (detail #>> '{changes,scheduledFor}')::timestamptz end
$f$;
"""
DUE_TOLD_REVERSE = """
create or replace function due_told(action text, at timestamptz, detail jsonb) returns timestamptz language sql stable as $f$
  select case action
    when 'enqueue' then coalesce((detail ->> 'scheduledFor')::timestamptz, at)
    when 'retry' then at + make_interval(secs => (detail ->> 'delaySeconds')::float8)
    when 'edit' then (detail #>> '{changes,scheduledFor}')::timestamptz end
$f$;
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0025_canary_retries")]
    operations = [migrations.RunSQL(DUE_TOLD, DUE_TOLD_REVERSE)]
