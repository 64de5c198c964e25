alter table default_categories drop constraint default_categories_category_fkey;
alter table operations drop constraint operations_undoes_fkey;
alter table operations drop constraint operations_undone_by_fkey;
alter table transactions drop constraint transactions_payee_fkey;
alter table default_categories add constraint default_categories_category_fkey FOREIGN KEY (user_id, category_id, kind) REFERENCES categories(user_id, id, kind) NOT VALID;
alter table operations add constraint operations_undoes_fkey FOREIGN KEY (user_id, undoes) REFERENCES operations(user_id, id) NOT VALID;
alter table operations add constraint operations_undone_by_fkey FOREIGN KEY (user_id, undone_by) REFERENCES operations(user_id, id) NOT VALID;
alter table transactions add constraint transactions_payee_fkey FOREIGN KEY (user_id, payee_id) REFERENCES payees(user_id, id) NOT VALID;
