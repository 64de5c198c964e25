drop index users_by_hash_kind;
