  )
-- How many there are of each rule, and since when the first of them. Goes on after time_is_up.sql; changes and locks nothing.
select f.rule, count(*) as jobs, min(f.over_at) as since from found f group by f.rule
