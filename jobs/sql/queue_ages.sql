-- How long the first due job of each type has been waiting. Goes on after heads.sql.
select l.type, greatest(0, extract(epoch from clock_timestamp() - min(h.since)))::float8 as seconds
from heads h join lanes l on l.id = h.lane_id
group by l.type order by l.type
