-- may fail: every row of default_categories has to satisfy default_categories_category_fkey
alter table default_categories validate constraint default_categories_category_fkey;

-- may fail: every row of operations has to satisfy operations_undoes_fkey
alter table operations validate constraint operations_undoes_fkey;

-- may fail: every row of operations has to satisfy operations_undone_by_fkey
alter table operations validate constraint operations_undone_by_fkey;

-- may fail: every row of transactions has to satisfy transactions_payee_fkey
alter table transactions validate constraint transactions_payee_fkey;
