drop index transactions_by_amount;
drop index transactions_by_date;
drop index transactions_to_fold;
create index transactions_by_amount on transactions (user_id, amount, id);
create index transactions_by_category_and_amount on transactions (user_id, category_id, amount, id);
create index transactions_by_date on transactions (user_id, date DESC, id DESC);
create index transactions_to_fold on transactions (user_id, id) WHERE search IS NULL;
