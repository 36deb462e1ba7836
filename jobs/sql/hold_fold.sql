-- The place of a fold, held until the end of the transaction; made when there is none.
insert into folds as f (name, xid, entry) values (%(fold)s::text, '0', 0)
on conflict (name) do update set name = f.name
