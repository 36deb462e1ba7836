-- The minutes or hours of a period that there are figures of. (figure_types.sql, time_spent.sql or transition_counts.sql follows.)
-- With each of them known, types can be read by a range of names: what is read grows with what is asked for, not with the types there are.
-- Plan: the primary keys, a probe for each.
with recursive moments (at) as (
  select least(
    (select min(t.begins_at) from time_spent t
      where t.span = %(span)s::smallint and t.begins_at >= %(since)s::timestamptz and t.begins_at < %(until)s::timestamptz),
    (select min(t.begins_at) from transition_counts t
      where t.span = %(span)s::smallint and t.begins_at >= %(since)s::timestamptz and t.begins_at < %(until)s::timestamptz))
  union all
  select least(
    (select min(t.begins_at) from time_spent t
      where t.span = %(span)s::smallint and t.begins_at > m.at and t.begins_at < %(until)s::timestamptz),
    (select min(t.begins_at) from transition_counts t
      where t.span = %(span)s::smallint and t.begins_at > m.at and t.begins_at < %(until)s::timestamptz))
  from moments m where m.at is not null)
