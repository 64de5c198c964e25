alter index categories_name_key rename to categories_name_key_new;
alter table categories add constraint categories_name_key UNIQUE NULLS NOT DISTINCT (user_id, kind, name, parent_id);

alter index payees_name_key rename to payees_name_key_new;
alter table payees add constraint payees_name_key UNIQUE (user_id, name);

alter index tags_name_key rename to tags_name_key_new;
alter table tags add constraint tags_name_key UNIQUE (user_id, name);
