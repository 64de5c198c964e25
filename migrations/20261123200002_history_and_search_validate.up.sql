-- may fail: every row of categories has to obey categories_color_code
alter table categories validate constraint categories_color_code;

-- may fail: every row of categories has to obey categories_icon_length
alter table categories validate constraint categories_icon_length;
-- squawk-ignore ban-drop-constraint -- it follows from schema.sql, takes no time, and was tried on a copy
alter table categories drop constraint categories_name_key;
alter table categories add constraint categories_name_key unique using index categories_name_key_new;

-- may fail: every row of categories has to obey categories_parent_other
alter table categories validate constraint categories_parent_other;

-- may fail: every row of transactions has to obey transactions_category_reason_length
alter table transactions validate constraint transactions_category_reason_length;

-- may fail: every row of transactions has to obey transactions_note_length
alter table transactions validate constraint transactions_note_length;

-- may fail: every row of categories has to obey categories_parent_fkey
alter table categories validate constraint categories_parent_fkey;

-- may fail: every row of transactions has to obey transactions_payee_fkey
alter table transactions validate constraint transactions_payee_fkey;
