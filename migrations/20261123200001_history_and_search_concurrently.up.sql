-- no-transaction
-- may fail: no two rows of categories may have the same values; the invalid index that is left then is to be dropped
create unique index concurrently categories_name_key_new on categories (user_id, kind, name, parent_id) NULLS NOT DISTINCT;
create index concurrently categories_by_parent on categories (user_id, parent_id) WHERE parent_id IS NOT NULL;
create index concurrently transactions_by_amount on transactions (user_id, amount, id);
-- squawk-ignore renaming-object -- it follows from schema.sql, takes no time, and was tried on a copy
alter index transactions_by_category rename to transactions_by_category_old;
create index concurrently transactions_by_category on transactions (user_id, category_id, date DESC, id DESC);
drop index concurrently transactions_by_category_old;
create index concurrently transactions_by_category_and_amount on transactions (user_id, category_id, amount, id);
create index concurrently transactions_by_currency on transactions (user_id, currency, date DESC, id DESC);
create index concurrently transactions_by_payee on transactions (user_id, payee_id, date DESC, id DESC) WHERE payee_id IS NOT NULL;
create index concurrently transactions_by_search on transactions using gin (search_grams(user_id, search));
create index concurrently transactions_to_fold on transactions (user_id, id) WHERE search IS NULL;
