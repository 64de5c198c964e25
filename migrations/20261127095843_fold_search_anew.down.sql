drop index payees_to_fold;
drop index transactions_to_fold;
create index transactions_to_fold on transactions (user_id, id) WHERE search IS NULL OR short_search IS NULL AND char_length(search) <= 100;
