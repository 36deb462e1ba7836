-- Adds failures to the hours of their groups.
insert into failure_counts as c (fingerprint, hour, failures)
select s.fingerprint, s.hour, s.failures
from jsonb_to_recordset(%(counts)s::jsonb) as s (fingerprint text, hour timestamptz, failures int)
order by s.fingerprint, s.hour
on conflict (fingerprint, hour) do update set failures = c.failures + excluded.failures
