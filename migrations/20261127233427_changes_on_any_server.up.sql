-- data loss: the position of the identity of public.changes.id
-- squawk-ignore ban-alter-identity -- the loss was accepted when this was written
alter table changes alter column id drop identity;
drop trigger record_delete on categories;
drop trigger record_insert on categories;
drop trigger record_update on categories;
drop trigger record_delete on default_categories;
drop trigger record_insert on default_categories;
drop trigger record_update on default_categories;
drop trigger record_delete on payees;
drop trigger record_insert on payees;
drop trigger record_update on payees;
drop trigger record_delete on tags;
drop trigger record_insert on tags;
drop trigger record_update on tags;
drop trigger record_delete on transaction_tags;
drop trigger record_insert on transaction_tags;
drop trigger record_delete on transactions;
drop trigger record_insert on transactions;
drop trigger record_update on transactions;

create or replace function begin_operation()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
    perform set_config('app.operation', new.id::text, true);
    if new.kind like 'transaction.%' then
        perform pg_advisory_xact_lock_shared(hashtextextended('changes', new.user_id));
    else
        perform pg_advisory_xact_lock(hashtextextended('changes', new.user_id));
    end if;
    return new;
end
$function$;

create or replace function next_change(owner bigint, operation bigint)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
declare
    last bigint;
begin
    select max(id) into last
    from changes
    where user_id = owner
        and operation_id >= least(operation, (select max(operation_id) from changes where user_id = owner));
    return greatest((extract(epoch from clock_timestamp()) * 1000000)::bigint, last + 1);
end
$function$;

create or replace function record_delete()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
    operation constant bigint := current_setting('app.operation');
    change bigint;
    owner bigint;
    size bigint;
    rows bigint := 0;
    text_size bigint := 0;
    history_size bigint := 0;
    r record;
begin
    for r in select o.user_id, to_jsonb(o) - 'short_search' as row from old_rows o loop
        owner := r.user_id;
        change := coalesce(change + 1, next_change(owner, operation));
        size := pg_column_size(r.row);
        insert into changes (user_id, operation_id, id, entity, entity_id, tag_id, before, bytes)
        values (
            owner, operation, change, tg_argv[0], (r.row ->> tg_argv[1])::bigint, (r.row ->> 'tag_id')::bigint, r.row, size
        );
        rows := rows + 1;
        text_size := text_size + text_bytes(r.row);
        history_size := history_size + size;
    end loop;
    if rows > 0 then
        insert into usage_deltas (user_id, operation_id, entity, rows, text_bytes, history_bytes)
        values (owner, operation, tg_argv[0], -rows, -text_size, history_size);
    end if;
    return null;
end
$function$;

create or replace function record_insert()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
    operation constant bigint := current_setting('app.operation');
    change bigint;
    owner bigint;
    size bigint;
    rows bigint := 0;
    text_size bigint := 0;
    history_size bigint := 0;
    r record;
begin
    for r in select n.user_id, to_jsonb(n) - 'short_search' as row from new_rows n loop
        owner := r.user_id;
        change := coalesce(change + 1, next_change(owner, operation));
        size := pg_column_size(r.row);
        insert into changes (user_id, operation_id, id, entity, entity_id, tag_id, after, bytes)
        values (
            owner, operation, change, tg_argv[0], (r.row ->> tg_argv[1])::bigint, (r.row ->> 'tag_id')::bigint, r.row, size
        );
        rows := rows + 1;
        text_size := text_size + text_bytes(r.row);
        history_size := history_size + size;
    end loop;
    if rows > 0 then
        insert into usage_deltas (user_id, operation_id, entity, rows, text_bytes, history_bytes)
        values (owner, operation, tg_argv[0], rows, text_size, history_size);
    end if;
    return null;
end
$function$;

create or replace function record_transaction_update()
 RETURNS trigger
 LANGUAGE plpgsql
 SET enable_nestloop TO 'off'
 SET jit TO 'off'
AS $function$
declare
    operation constant bigint := current_setting('app.operation');
    change bigint;
    owner bigint;
    size bigint;
    text_size bigint := 0;
    history_size bigint := 0;
    entry record;
begin
    for entry in
        select * from (
            select
                n.user_id,
                n.id,
                changed('title', o.title, n.title) || changed('title_en', o.title_en, n.title_en)
                    || changed('amount', o.amount, n.amount) || changed('currency', o.currency, n.currency)
                    || changed('type', o.type, n.type) || changed('category_id', o.category_id, n.category_id)
                    || changed('date', o.date, n.date) || changed('created_at', o.created_at, n.created_at)
                    || changed('updated_at', o.updated_at, n.updated_at) || changed('note', o.note, n.note)
                    || changed('payee_id', o.payee_id, n.payee_id)
                    || changed('category_source', o.category_source, n.category_source)
                    || changed('category_reason', o.category_reason, n.category_reason)
                    || changed('search', o.search, n.search) as before,
                changed('title', n.title, o.title) || changed('title_en', n.title_en, o.title_en)
                    || changed('amount', n.amount, o.amount) || changed('currency', n.currency, o.currency)
                    || changed('type', n.type, o.type) || changed('category_id', n.category_id, o.category_id)
                    || changed('date', n.date, o.date) || changed('created_at', n.created_at, o.created_at)
                    || changed('updated_at', n.updated_at, o.updated_at) || changed('note', n.note, o.note)
                    || changed('payee_id', n.payee_id, o.payee_id)
                    || changed('category_source', n.category_source, o.category_source)
                    || changed('category_reason', n.category_reason, o.category_reason)
                    || changed('search', n.search, o.search) as after
            from old_rows o
            join new_rows n using (user_id, id)
            offset 0
        ) r
        where r.after - 'search' <> '{}'
    loop
        owner := entry.user_id;
        change := coalesce(change + 1, next_change(owner, operation));
        size := pg_column_size(entry.before) + pg_column_size(entry.after);
        insert into changes (user_id, operation_id, id, entity, entity_id, before, after, bytes)
        values (owner, operation, change, tg_argv[0], entry.id, entry.before, entry.after, size);
        text_size := text_size + text_bytes(entry.after) - text_bytes(entry.before);
        history_size := history_size + size;
    end loop;
    if change is not null then
        insert into usage_deltas (user_id, operation_id, entity, rows, text_bytes, history_bytes)
        values (owner, operation, tg_argv[0], 0, text_size, history_size);
    end if;
    return null;
end
$function$;

create or replace function record_update()
 RETURNS trigger
 LANGUAGE plpgsql
 SET enable_nestloop TO 'off'
 SET jit TO 'off'
AS $function$
declare
    operation constant bigint := current_setting('app.operation');
    change bigint;
    owner bigint;
    size bigint;
    text_size bigint := 0;
    history_size bigint := 0;
    entry record;
begin
    for entry in
        select n.user_id, n.id, changed.before, changed.after
        from (select user_id, id, to_jsonb(r) as row from old_rows r offset 0) o
        join (select user_id, id, to_jsonb(r) as row from new_rows r offset 0) n using (user_id, id)
        cross join lateral (
            select jsonb_object_agg(key, value) as before, jsonb_object_agg(key, n.row -> key) as after
            from jsonb_each(o.row)
            where value is distinct from n.row -> key
        ) changed
        where changed.after - 'search' <> '{}'
    loop
        owner := entry.user_id;
        change := coalesce(change + 1, next_change(owner, operation));
        size := pg_column_size(entry.before) + pg_column_size(entry.after);
        insert into changes (user_id, operation_id, id, entity, entity_id, before, after, bytes)
        values (owner, operation, change, tg_argv[0], entry.id, entry.before, entry.after, size);
        text_size := text_size + text_bytes(entry.after) - text_bytes(entry.before);
        history_size := history_size + size;
    end loop;
    if change is not null then
        insert into usage_deltas (user_id, operation_id, entity, rows, text_bytes, history_bytes)
        values (owner, operation, tg_argv[0], 0, text_size, history_size);
    end if;
    return null;
end
$function$;

create TRIGGER record_delete AFTER DELETE ON categories REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_delete('categories', 'id');
create TRIGGER record_insert AFTER INSERT ON categories REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_insert('categories', 'id');
create TRIGGER record_update AFTER UPDATE ON categories REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_update('categories');
create TRIGGER record_delete AFTER DELETE ON default_categories REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_delete('default_categories', 'id');
create TRIGGER record_insert AFTER INSERT ON default_categories REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_insert('default_categories', 'id');
create TRIGGER record_update AFTER UPDATE ON default_categories REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_update('default_categories');
create TRIGGER begin_operation BEFORE INSERT ON operations FOR EACH ROW EXECUTE FUNCTION begin_operation();
create TRIGGER record_delete AFTER DELETE ON payees REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_delete('payees', 'id');
create TRIGGER record_insert AFTER INSERT ON payees REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_insert('payees', 'id');
create TRIGGER record_update AFTER UPDATE ON payees REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_update('payees');
create TRIGGER record_delete AFTER DELETE ON tags REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_delete('tags', 'id');
create TRIGGER record_insert AFTER INSERT ON tags REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_insert('tags', 'id');
create TRIGGER record_update AFTER UPDATE ON tags REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_update('tags');
create TRIGGER record_delete AFTER DELETE ON transaction_tags REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_delete('transaction_tags', 'transaction_id');
create TRIGGER record_insert AFTER INSERT ON transaction_tags REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_insert('transaction_tags', 'transaction_id');
create TRIGGER record_delete AFTER DELETE ON transactions REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_delete('transactions', 'id');
create TRIGGER record_insert AFTER INSERT ON transactions REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_insert('transactions', 'id');
create TRIGGER record_update AFTER UPDATE ON transactions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_transaction_update('transactions');
