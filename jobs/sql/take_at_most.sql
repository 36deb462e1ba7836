-- For the rest of this transaction no statement may take longer.
select set_config('statement_timeout', %(milliseconds)s::text, true)
