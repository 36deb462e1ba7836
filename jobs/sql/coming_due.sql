-- How many jobs come_due() would let in now. Plan: index jobs_future.
select count(*) as jobs from jobs where status = 'queued' and not due and scheduled_for <= (select clock_timestamp())
