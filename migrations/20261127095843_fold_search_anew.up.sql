-- no-transaction
create index concurrently payees_to_fold on payees (user_id, id) WHERE "right"(search, 2) <> '
2'::text;

-- squawk-ignore renaming-object -- it follows from schema.sql, takes no time, and was tried on a copy
alter index transactions_to_fold rename to transactions_to_fold_old;

create index concurrently transactions_to_fold on transactions (user_id, id) WHERE search IS NULL OR "right"(search, 2) <> '
2'::text OR short_search IS NULL AND char_length(search) <= 100;

drop index concurrently transactions_to_fold_old;
