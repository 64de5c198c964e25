-- A sharded table cannot have a foreign key that sets columns to null: triggers and the program do it instead. As long as an older
-- release runs, its deletion of old operations fails where one that stays refers to them; it is retried every minute.
-- squawk-ignore ban-drop-constraint -- it follows from schema.sql, takes no time, and was tried on a copy
alter table default_categories drop constraint default_categories_category_fkey;
-- squawk-ignore ban-drop-constraint -- it follows from schema.sql, takes no time, and was tried on a copy
alter table operations drop constraint operations_undoes_fkey;
-- squawk-ignore ban-drop-constraint -- it follows from schema.sql, takes no time, and was tried on a copy
alter table operations drop constraint operations_undone_by_fkey;
-- squawk-ignore ban-drop-constraint -- it follows from schema.sql, takes no time, and was tried on a copy
alter table transactions drop constraint transactions_payee_fkey;

create or replace function forget_category()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
    update default_categories set category_id = null where user_id = old.user_id and category_id = old.id;
    return old;
end
$function$;

create or replace function forget_payee()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
    update transactions set payee_id = null where user_id = old.user_id and payee_id = old.id;
    return old;
end
$function$;

alter table default_categories add constraint default_categories_category_fkey FOREIGN KEY (user_id, category_id, kind) REFERENCES categories(user_id, id, kind) not valid;
alter table operations add constraint operations_undoes_fkey FOREIGN KEY (user_id, undoes) REFERENCES operations(user_id, id) not valid;
alter table operations add constraint operations_undone_by_fkey FOREIGN KEY (user_id, undone_by) REFERENCES operations(user_id, id) not valid;
alter table transactions add constraint transactions_payee_fkey FOREIGN KEY (user_id, payee_id) REFERENCES payees(user_id, id) not valid;
create TRIGGER forget_category BEFORE DELETE ON categories FOR EACH ROW EXECUTE FUNCTION forget_category();
create TRIGGER forget_payee BEFORE DELETE ON payees FOR EACH ROW EXECUTE FUNCTION forget_payee();
