-- no-transaction
create index concurrently operations_by_undoes on operations (user_id, undoes) WHERE undoes IS NOT NULL;
create index concurrently operations_by_undone_by on operations (user_id, undone_by) WHERE undone_by IS NOT NULL;
