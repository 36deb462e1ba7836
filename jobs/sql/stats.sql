-- How many jobs of each status and of each type, from one snapshot.
select j.status, j.type, count(*) as jobs from jobs j group by grouping sets ((j.status), (j.type)) order by j.status, j.type
