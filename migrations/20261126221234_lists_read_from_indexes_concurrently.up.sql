-- no-transaction
drop index concurrently transactions_by_category_and_amount;
-- squawk-ignore renaming-object -- it follows from schema.sql, takes no time, and was tried on a copy
alter index transactions_by_amount rename to transactions_by_amount_old;
create index concurrently transactions_by_amount on transactions (user_id, amount, id) INCLUDE (type, category_id, payee_id, currency, date, short_search);
drop index concurrently transactions_by_amount_old;
-- squawk-ignore renaming-object -- it follows from schema.sql, takes no time, and was tried on a copy
alter index transactions_by_date rename to transactions_by_date_old;
create index concurrently transactions_by_date on transactions (user_id, date DESC, id DESC) INCLUDE (type, category_id, payee_id, currency, amount, short_search);
drop index concurrently transactions_by_date_old;
-- squawk-ignore renaming-object -- it follows from schema.sql, takes no time, and was tried on a copy
alter index transactions_to_fold rename to transactions_to_fold_old;
create index concurrently transactions_to_fold on transactions (user_id, id) WHERE search IS NULL OR short_search IS NULL AND char_length(search) <= 100;
drop index concurrently transactions_to_fold_old;
