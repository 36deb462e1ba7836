-- The jobs that an operation is about, from now on whatever becomes of them, in the order of their ids. What is no job is done already.
insert into bulk_items (operation_id, ordinal, job_id, outcome, words, at, tries)
select %(operation_id)s::text, row_number() over (order by s.job_id collate "C"), s.job_id, s.outcome, s.words,
  case when s.outcome is not null then clock_timestamp() end, 0
from (
  select t.job_id, null as outcome, null as words from unnest(%(there)s::text[]) t (job_id)
  union all select m.job_id, 'skipped', %(missing_words)s::text from unnest(%(missing)s::text[]) m (job_id)) s
