-- no-transaction
create index concurrently transactions_by_amount on transactions (user_id, amount, id) INCLUDE (type, category_id, payee_id, currency, date, short_search);
create index concurrently transactions_by_date on transactions (user_id, date DESC, id DESC) INCLUDE (type, category_id, payee_id, currency, amount, short_search);
create index concurrently transactions_to_fold on transactions (user_id, id) WHERE search IS NULL OR short_search IS NULL AND char_length(search) <= 100;
