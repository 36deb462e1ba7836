-- The guards that disable_story_guards.sql has put aside.
do $f$ declare guard name; begin
  for guard in select tgname from pg_trigger where tgrelid = 'jobs'::regclass and not tgisinternal and tgtype & 4 > 0 loop
    execute format('alter table jobs enable trigger %I', guard);
  end loop;
end $f$
