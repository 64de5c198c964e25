-- no-transaction
create index concurrently users_by_hash_kind on users (hash_kind(password_hash));
