drop table categories;

drop type transaction_type;
