-- no-transaction
-- may fail: no two rows may have the same values; the invalid index that is left then is to be dropped
create unique index concurrently categories_name_key_new on categories (user_id, kind, name_key(name), parent_id) NULLS NOT DISTINCT;
create index concurrently payees_by_name on payees (user_id, name COLLATE "und-x-icu", id);

-- may fail: no two rows may have the same values; the invalid index that is left then is to be dropped
create unique index concurrently payees_name_key_new on payees (user_id, name_key(name));
create index concurrently tags_by_name on tags (user_id, name COLLATE "und-x-icu", id);

-- may fail: no two rows may have the same values; the invalid index that is left then is to be dropped
create unique index concurrently tags_name_key_new on tags (user_id, name_key(name));
