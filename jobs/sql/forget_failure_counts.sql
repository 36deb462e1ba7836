-- Counts of hours that are long past, some at a time. Any number may run at once. Plan: index failure_counts_hour.
delete from failure_counts where ctid = any(array(
  select c.ctid from failure_counts c where c.hour < (select clock_timestamp() - %(kept_for)s::interval)
  order by c.hour limit %(limit)s::int for update skip locked))
returning 1 as forgotten
