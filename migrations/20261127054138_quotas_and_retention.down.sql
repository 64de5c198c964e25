drop function text_bytes(jsonb);

-- data loss: the table public.usage and all of its rows
drop table usage;

-- data loss: the table public.usage_deltas and all of its rows
drop table usage_deltas;

-- data loss: the column public.changes.bytes and what is in it
alter table changes drop column bytes;
alter table operations drop constraint operations_undoes_fkey;
alter table operations drop constraint operations_undone_by_fkey;

create or replace function record_delete()
 RETURNS trigger
 LANGUAGE plpgsql
 SET enable_nestloop TO 'off'
 SET jit TO 'off'
AS $function$
begin
    insert into changes (user_id, operation_id, entity, entity_id, tag_id, before)
    select r.user_id, current_setting('app.operation')::bigint, tg_table_name, (r.row ->> tg_argv[0])::bigint,
        (r.row ->> 'tag_id')::bigint, r.row - 'short_search'
    from (select o.user_id, to_jsonb(o) as row from old_rows o) r;
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
    insert into changes (user_id, operation_id, entity, entity_id, tag_id, after)
    select r.user_id, current_setting('app.operation')::bigint, tg_table_name, (r.row ->> tg_argv[0])::bigint,
        (r.row ->> 'tag_id')::bigint, r.row - 'short_search'
    from (select n.user_id, to_jsonb(n) as row from new_rows n) r;
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
    insert into changes (user_id, operation_id, entity, entity_id, before, after)
    select r.user_id, current_setting('app.operation')::bigint, tg_table_name, r.id, r.before, r.after
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
    where r.after - 'search' <> '{}';
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
    insert into changes (user_id, operation_id, entity, entity_id, before, after)
    select n.user_id, current_setting('app.operation')::bigint, tg_table_name, n.id, changed.before, changed.after
    from (select user_id, id, to_jsonb(r) as row from old_rows r offset 0) o
    join (select user_id, id, to_jsonb(r) as row from new_rows r offset 0) n using (user_id, id)
    cross join lateral (
        select jsonb_object_agg(key, value) as before, jsonb_object_agg(key, n.row -> key) as after
        from jsonb_each(o.row)
        where value is distinct from n.row -> key
    ) changed
    where changed.after - 'search' <> '{}';
    return null;
end
$function$;

alter table operations add constraint operations_undoes_fkey FOREIGN KEY (user_id, undoes) REFERENCES operations(user_id, id);
alter table operations add constraint operations_undone_by_fkey FOREIGN KEY (user_id, undone_by) REFERENCES operations(user_id, id);
