drop function search_grams(bigint,text);

-- data loss: the table public.changes and all of its rows
drop table changes;

-- data loss: the table public.idempotency_keys and all of its rows
drop table idempotency_keys;

-- data loss: the table public.operations and all of its rows
drop table operations;

-- data loss: the table public.transaction_tags and all of its rows
drop table transaction_tags;
drop function take_from_transaction();

-- data loss: the table public.tags and all of its rows
drop table tags;

-- data loss: the column public.categories."position" and what is in it
alter table categories drop column "position";

-- data loss: the column public.categories.archived and what is in it
alter table categories drop column archived;

-- data loss: the column public.categories.color and what is in it
alter table categories drop column color;

-- data loss: the column public.categories.icon and what is in it
alter table categories drop column icon;

-- data loss: the column public.categories.parent_id and what is in it
alter table categories drop column parent_id;

-- data loss: the column public.transactions.category_reason and what is in it
alter table transactions drop column category_reason;

-- data loss: the column public.transactions.category_source and what is in it
alter table transactions drop column category_source;
drop type category_source;

-- data loss: the column public.transactions.note and what is in it
alter table transactions drop column note;

-- data loss: the column public.transactions.payee_id and what is in it
alter table transactions drop column payee_id;

-- data loss: the table public.payees and all of its rows
drop table payees;

-- data loss: the column public.transactions.search and what is in it
alter table transactions drop column search;
drop trigger record_delete on categories;
drop trigger record_insert on categories;
drop trigger record_update on categories;
drop trigger record_delete on transactions;
drop function record_delete();
drop trigger record_insert on transactions;
drop function record_insert();
drop trigger record_update on transactions;
drop function record_update();
drop trigger tell_tags on transactions;
drop function tell_tags();
