drop index categories_name_key_new;
drop index payees_by_name;
drop index payees_name_key_new;
drop index tags_by_name;
drop index tags_name_key_new;
