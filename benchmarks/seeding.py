"""Many jobs at once, as if they had been made and lived: through the API it would take hours."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import connection

from benchmarks.scratch import execute

# A type of which there are so many jobs, whatever the length of the queue; they come last.
RARE, RARE_JOBS = "rare", 20
# What a quarter of the jobs require, where it is asked for.
LABELS = ("gpu", "region:eu")
# Failures are of so many kinds: their fingerprints are numbers below it.
KINDS_OF_FAILURE = 500
_AT_ONCE = 1_000_000
# Types and priorities by numbers that look like chance, are the same each time, and have nothing to do with the order of the rows.
_JOBS = """
insert into jobs (id, type, lane_id, priority, payload, metadata, attempts, max_attempts, partial, created_by, timeout_seconds,
  scheduled_for, created_at, kept_by_heartbeats, claim_losses, late_epochs, event_xid, labels,
  status, due, epoch, audit_seq, updated_at, orchestrator_id, claimed_at, started_at, completed_at, exit_code, result, fingerprint)
select 'job_' || lpad(n::text, 26, '0'), l.type, l.id, {priority}, jsonb_build_object('rows', n), '{{}}', 0, 1, false, 'service', 3600,
  t.at, t.at, false, 0, '{{}}', pg_current_xact_id(), nullif(l.labels, '{{}}'), {stands}
from generate_series(%(first)s::bigint, %(last)s::bigint) n
cross join lateral (select now() - interval '30 days' + n * interval '100 milliseconds' as at) t
cross join lateral (select abs(hashint8(n)::bigint) as chance) c
join lanes l on l.type = {type} and l.labels = {labels}
"""
_QUEUED = "'queued', true, 0, 0, t.at, null, null, null, null, null, null, null"
_ENDED = """'{status}', false, 1, 3, t.at + interval '1 minute', 'orch-' || c.chance %% 20, t.at + interval '10 seconds',
  t.at + interval '20 seconds', t.at + interval '1 minute', {exit_code}, '{{"exitCode": {exit_code}}}', {fingerprint}"""
_COMPLETED = _ENDED.format(status="completed", exit_code=0, fingerprint="null")
_FAILED = _ENDED.format(status="failed", exit_code=1, fingerprint=f"lpad((c.chance %% {KINDS_OF_FAILURE})::text, 16, '0')")
_STORIES = """
insert into audit_log (job_id, sequence, action, from_status, to_status, actor_kind, actor, epoch, attempt, at, xid)
select j.id, e.sequence, coalesce(e.action, case j.status when 'failed' then 'fail' else 'complete' end), e.source,
  coalesce(e.target, j.status), e.kind, coalesce(j.orchestrator_id, 'seed'), least(e.sequence, j.epoch), 1,
  j.created_at, j.event_xid
from (select * from jobs order by id limit %(most)s) j
join (values (0, 'enqueue', null, 'queued', 'producer'), (1, 'claim', 'queued', 'claimed', 'orchestrator'),
    (2, 'start', 'claimed', 'running', 'orchestrator'), (3, null, 'running', null, 'orchestrator'))
  as e (sequence, action, source, target, kind) on e.sequence <= j.audit_seq
"""


def types(count: int) -> list[str]:
    """The names of so many types."""
    return [f"type-{number}" for number in range(count)]


def fill(*, queued: int, finished: int, among: int, failed: int = 0, labels: Sequence[str] = ()) -> None:
    """An empty database gets queued and finished jobs, and RARE_JOBS that are rare; without audit entries.

    Args:
        among: how many types share the jobs.
        failed: so many of the finished ones.
        labels: what a quarter of the jobs of each type require; sorted.
    """
    with _unhurried():
        # (A copy of a database has its dead entries, too. Where they are few, vacuum would leave those of indexes to whoever meets them.)
        with _unguarded(), _indexed_afterwards():
            _insert_all(queued=queued, finished=finished, failed=failed, among=among, labels=labels)
        execute("vacuum (analyze, freeze, index_cleanup on) jobs")


def stories(*, most: int) -> None:
    """The audit entries that the jobs lack, for those who read them: of the first so many jobs."""
    with _unhurried(), connection.cursor() as cursor:
        cursor.execute(_STORIES, {"most": most})
        cursor.execute("vacuum (analyze, freeze, index_cleanup on) audit_log")


def _insert_all(*, queued: int, finished: int, failed: int, among: int, labels: Sequence[str]) -> None:
    from jobs.enqueueing import open_lanes

    open_lanes([(RARE, ()), *((type_, required) for type_ in types(among) for required in {(), tuple(labels)})])
    some = {
        "type": f"'type-' || c.chance %% {among}",
        "priority": "c.chance / 1000 %% 5 * 25",
        "labels": f"case when c.chance / 5000 %% 4 = 0 then '{{{','.join(labels)}}}'::text[] else '{{}}' end",
    }
    _insert(1, finished - failed, _COMPLETED, **some)
    _insert(finished - failed + 1, finished, _FAILED, **some)
    _insert(finished + 1, finished + queued, _QUEUED, **some)
    _insert(finished + queued + 1, finished + queued + RARE_JOBS, _QUEUED, type=f"'{RARE}'", priority="0", labels="'{}'")


def _insert(first: int, last: int, stands: str, **choices: str) -> None:
    text = _JOBS.format(stands=stands, **choices)
    with connection.cursor() as cursor:
        for start in range(first, last + 1, _AT_ONCE):
            cursor.execute(text, {"first": start, "last": min(last, start + _AT_ONCE - 1)})


@contextmanager
def _unhurried() -> Iterator[None]:
    """As long as it takes, with memory to sort in."""
    execute("set statement_timeout = 0")
    execute("set maintenance_work_mem = '1GB'")
    yield
    execute("reset maintenance_work_mem")
    execute("reset statement_timeout")


@contextmanager
def _unguarded() -> Iterator[None]:
    """Without the guards that ask an inserted row for its entries."""
    # (The bit that says INSERT: src/include/catalog/pg_trigger.h.)
    guards = execute("select tgname from pg_trigger where tgrelid = 'jobs'::regclass and not tgisinternal and tgtype & 4 > 0")
    for (guard,) in guards:
        execute(f"alter table jobs disable trigger {guard}")
    yield
    for (guard,) in guards:
        execute(f"alter table jobs enable trigger {guard}")


@contextmanager
def _indexed_afterwards() -> Iterator[None]:
    """An index that is built of all rows at once takes a fraction of the time; those that constraints stand on stay."""
    indexes = execute("""
        select i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) from pg_index i
        where i.indrelid = 'jobs'::regclass and not exists (select from pg_constraint c where c.conindid = i.indexrelid)""")
    for name, _ in indexes:
        execute(f"drop index {name}")
    yield
    for _, definition in indexes:
        execute(str(definition))
