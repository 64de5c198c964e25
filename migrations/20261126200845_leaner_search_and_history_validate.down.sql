alter table changes drop constraint changes_pkey;
alter table changes add constraint changes_pkey PRIMARY KEY (user_id, id);
create unique index changes_pkey_new on changes (user_id, operation_id, id);
