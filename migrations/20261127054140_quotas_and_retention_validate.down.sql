alter table operations drop constraint operations_undoes_fkey;
alter table operations drop constraint operations_undone_by_fkey;
alter table operations add constraint operations_undoes_fkey FOREIGN KEY (user_id, undoes) REFERENCES operations(user_id, id) ON DELETE SET NULL (undoes) NOT VALID;
alter table operations add constraint operations_undone_by_fkey FOREIGN KEY (user_id, undone_by) REFERENCES operations(user_id, id) ON DELETE SET NULL (undone_by) NOT VALID;
