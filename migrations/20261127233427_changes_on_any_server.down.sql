drop function next_change(bigint,bigint);
drop trigger record_delete on categories;
drop trigger record_insert on categories;
drop trigger record_update on categories;
drop trigger record_delete on default_categories;
drop trigger record_insert on default_categories;
drop trigger record_update on default_categories;
drop trigger begin_operation on operations;
drop function begin_operation();
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

create or replace function record_delete()
 RETURNS trigger
 LANGUAGE plpgsql
 SET enable_nestloop TO 'off'
 SET jit TO 'off'
AS $function$
begin
    with recorded as (
        insert into changes (user_id, operation_id, entity, entity_id, tag_id, before, bytes)
        select r.user_id, current_setting('app.operation')::bigint, tg_table_name, (r.row ->> tg_argv[0])::bigint,
            (r.row ->> 'tag_id')::bigint, r.row, pg_column_size(r.row)
        from (select o.user_id, to_jsonb(o) - 'short_search' as row from old_rows o offset 0) r
        returning user_id, operation_id, text_bytes(before) as text_bytes, bytes
    )
    insert into usage_deltas (user_id, operation_id, entity, rows, text_bytes, history_bytes)
    select user_id, operation_id, tg_table_name, -count(*), -sum(text_bytes), sum(bytes)
    from recorded
    group by user_id, operation_id;
    return null;
end
$function$;

create or replace function record_insert()
 RETURNS trigger
 LANGUAGE plpgsql
 SET enable_nestloop TO 'off'
 SET jit TO 'off'
AS $function$
begin
    with recorded as (
        insert into changes (user_id, operation_id, entity, entity_id, tag_id, after, bytes)
        select r.user_id, current_setting('app.operation')::bigint, tg_table_name, (r.row ->> tg_argv[0])::bigint,
            (r.row ->> 'tag_id')::bigint, r.row, pg_column_size(r.row)
        from (select n.user_id, to_jsonb(n) - 'short_search' as row from new_rows n offset 0) r
        returning user_id, operation_id, text_bytes(after) as text_bytes, bytes
    )
    insert into usage_deltas (user_id, operation_id, entity, rows, text_bytes, history_bytes)
    select user_id, operation_id, tg_table_name, count(*), sum(text_bytes), sum(bytes)
    from recorded
    group by user_id, operation_id;
    return null;
end
$function$;

create or replace function record_transaction_update()
 RETURNS trigger
 LANGUAGE plpgsql
 SET enable_nestloop TO 'off'
 SET jit TO 'off'
AS $function$
begin
    with recorded as (
        insert into changes (user_id, operation_id, entity, entity_id, before, after, bytes)
        select r.user_id, current_setting('app.operation')::bigint, tg_table_name, r.id, r.before, r.after,
            pg_column_size(r.before) + pg_column_size(r.after)
        from (
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
        returning user_id, operation_id, text_bytes(after) - text_bytes(before) as text_bytes, bytes
    )
    insert into usage_deltas (user_id, operation_id, entity, rows, text_bytes, history_bytes)
    select user_id, operation_id, tg_table_name, 0, sum(text_bytes), sum(bytes)
    from recorded
    group by user_id, operation_id;
    return null;
end
$function$;

create or replace function record_update()
 RETURNS trigger
 LANGUAGE plpgsql
 SET enable_nestloop TO 'off'
 SET jit TO 'off'
AS $function$
begin
    with recorded as (
        insert into changes (user_id, operation_id, entity, entity_id, before, after, bytes)
        select n.user_id, current_setting('app.operation')::bigint, tg_table_name, n.id, changed.before, changed.after,
            pg_column_size(changed.before) + pg_column_size(changed.after)
        from (select user_id, id, to_jsonb(r) as row from old_rows r offset 0) o
        join (select user_id, id, to_jsonb(r) as row from new_rows r offset 0) n using (user_id, id)
        cross join lateral (
            select jsonb_object_agg(key, value) as before, jsonb_object_agg(key, n.row -> key) as after
            from jsonb_each(o.row)
            where value is distinct from n.row -> key
        ) changed
        where changed.after - 'search' <> '{}'
        returning user_id, operation_id, text_bytes(after) - text_bytes(before) as text_bytes, bytes
    )
    insert into usage_deltas (user_id, operation_id, entity, rows, text_bytes, history_bytes)
    select user_id, operation_id, tg_table_name, 0, sum(text_bytes), sum(bytes)
    from recorded
    group by user_id, operation_id;
    return null;
end
$function$;

alter table changes alter column id add generated always as identity;
select setval('changes_id_seq', max(id)) from changes having max(id) >= 1;
create TRIGGER record_delete AFTER DELETE ON categories REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_delete('id');
create TRIGGER record_insert AFTER INSERT ON categories REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_insert('id');
create TRIGGER record_update AFTER UPDATE ON categories REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_update();
create TRIGGER record_delete AFTER DELETE ON default_categories REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_delete('id');
create TRIGGER record_insert AFTER INSERT ON default_categories REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_insert('id');
create TRIGGER record_update AFTER UPDATE ON default_categories REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_update();
create TRIGGER record_delete AFTER DELETE ON payees REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_delete('id');
create TRIGGER record_insert AFTER INSERT ON payees REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_insert('id');
create TRIGGER record_update AFTER UPDATE ON payees REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_update();
create TRIGGER record_delete AFTER DELETE ON tags REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_delete('id');
create TRIGGER record_insert AFTER INSERT ON tags REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_insert('id');
create TRIGGER record_update AFTER UPDATE ON tags REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_update();
create TRIGGER record_delete AFTER DELETE ON transaction_tags REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_delete('transaction_id');
create TRIGGER record_insert AFTER INSERT ON transaction_tags REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_insert('transaction_id');
create TRIGGER record_delete AFTER DELETE ON transactions REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_delete('id');
create TRIGGER record_insert AFTER INSERT ON transactions REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_insert('id');
create TRIGGER record_update AFTER UPDATE ON transactions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_transaction_update();
