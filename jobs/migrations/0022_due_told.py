"""Reads out of an audit entry for when it set its job, so that the log alone tells how long a job waited for its time."""

from django.db import migrations

# For which time an entry set the job; null when for none. What a release or a retry by people queues again keeps its earlier time.
DUE_TOLD = """
create function due_told(action text, at timestamptz, detail jsonb) returns timestamptz language sql stable as $f$
  select case action
    when 'enqueue' then coalesce((detail ->> 'scheduledFor')::timestamptz, at)
    when 'retry' then at + make_interval(secs => (detail ->> 'delaySeconds')::float8)
    when 'edit' then (detail #>> '{changes,scheduledFor}')::timestamptz end
$f$;
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0021_folds")]
    operations = [migrations.RunSQL(DUE_TOLD, "drop function due_told(text, timestamptz, jsonb);")]
