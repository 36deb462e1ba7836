-- What the sweep made of each: the end of its statement, after door.sql.
select r.job_id, r.was, r.goal as became, r.detail ->> 'rule' as rule, r.reason from ruled r where r.moves order by r.ord
