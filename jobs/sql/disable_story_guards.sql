-- Inserted jobs are not asked for their stories until the transaction has put the guards back (enable_story_guards.sql): for a seed, which
-- brings whole stories and would wait for their proof longer than for all else. Who may drop the table may do so.
-- (The bit that says INSERT: src/include/catalog/pg_trigger.h.)
do $f$ declare guard name; begin
  for guard in select tgname from pg_trigger where tgrelid = 'jobs'::regclass and not tgisinternal and tgtype & 4 > 0 loop
    execute format('alter table jobs disable trigger %I', guard);
  end loop;
end $f$
