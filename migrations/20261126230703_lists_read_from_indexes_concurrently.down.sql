drop index transactions_by_amount;
drop index transactions_by_date;
drop index transactions_to_fold;
