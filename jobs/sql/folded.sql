-- How many entries were taken in, and whether the place was only made: the end of a fold.
select count(*)::int as folded, (select count(*) from begun) > 0 as began from found
