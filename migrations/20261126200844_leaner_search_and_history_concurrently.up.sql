-- no-transaction
drop index concurrently changes_of_operation;

-- may fail: no two rows of changes may have the same values; the invalid index that is left then is to be dropped
create unique index concurrently changes_pkey_new on changes (user_id, operation_id, id);
-- squawk-ignore renaming-object -- it follows from schema.sql, takes no time, and was tried on a copy
alter index changes_of_entity rename to changes_of_entity_old;
create index concurrently changes_of_entity on changes (user_id, entity_id, id);
drop index concurrently changes_of_entity_old;
create index concurrently transactions_by_search on transactions using gin (search_grams(user_id, search));
