-- For the rest of this transaction no lock is waited for longer.
select set_config('lock_timeout', %(milliseconds)s::text, true)
