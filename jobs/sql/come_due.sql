-- Jobs whose time has come enter the claim index. The function is in the migrations: each claim calls it, too.
select come_due() as moved
