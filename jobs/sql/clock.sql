-- What time it is for the server that decides.
select clock_timestamp() as now
