-- The first so many types, by name, that have figures in a period. Goes on after moments.sql.
-- Plan: the primary keys; of each minute or hour no more types are read than are wanted.
select distinct n.type from moments m cross join lateral (
  (select distinct t.type from time_spent t
    where t.span = %(span)s::smallint and t.begins_at = m.at and t.type > %(after)s::text
    order by t.type limit %(most)s::int)
  union all
  (select distinct t.type from transition_counts t
    where t.span = %(span)s::smallint and t.begins_at = m.at and t.type > %(after)s::text
    order by t.type limit %(most)s::int)) n
order by n.type limit %(most)s::int
