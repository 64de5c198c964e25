-- squawk-ignore ban-drop-constraint -- it follows from schema.sql, takes no time, and was tried on a copy
alter table changes drop constraint changes_pkey;
alter table changes add constraint changes_pkey primary key using index changes_pkey_new;
