-- Which of these unique keys are taken, and by which job that has not ended. Plan: index jobs_unique_key.
select j.unique_key as key, j.id from jobs j
where j.unique_key = any(%(keys)s::text[]) and j.status in ('claimed', 'queued', 'running')
