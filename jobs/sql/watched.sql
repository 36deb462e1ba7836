-- Whether those who promised to be back by now are back, and whether the brake holds. Null: nobody promised.
select w.sweeper_due_by >= c.at as sweeper_is_up, w.brake_until > c.at and w.brake_reason is not null as brake_holds
from watch w cross join (select clock_timestamp() as at) c
