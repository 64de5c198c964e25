drop index changes_of_entity;
drop index changes_pkey_new;
drop index transactions_by_search;
create index changes_of_entity on changes (user_id, entity, entity_id, id);
create index changes_of_operation on changes (user_id, operation_id);
