-- Jobs whose time has come enter the claim index. Run before each claim and by the sweep; any number may run at once.
-- Plan: index jobs_future. (select clock_timestamp()), never the bare call: a volatile function cannot be an index condition.
with come as materialized (
  select id from jobs where status = 'queued' and not due and scheduled_for <= (select clock_timestamp())
  order by scheduled_for, id limit %(limit)s::int for no key update skip locked),
moved as (
  update jobs set due = true where id = any(array(select id from come)) returning 1)
select count(*)::int as moved from moved
