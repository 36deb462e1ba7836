-- How many entries were taken in: the end of a fold.
select count(*)::int as folded from found
