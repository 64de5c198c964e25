set local check_function_bodies = off;
-- squawk-ignore ban-drop-constraint -- it follows from schema.sql, takes no time, and was tried on a copy
alter table operations drop constraint operations_undoes_fkey;
-- squawk-ignore ban-drop-constraint -- it follows from schema.sql, takes no time, and was tried on a copy
alter table operations drop constraint operations_undone_by_fkey;

create or replace function text_bytes(data jsonb)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
select coalesce(octet_length(data ->> 'title'), 0)::bigint + coalesce(octet_length(data ->> 'title_en'), 0)
    + coalesce(octet_length(data ->> 'note'), 0) + coalesce(octet_length(data ->> 'name'), 0)
$function$;

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

create table usage (
    user_id bigint not null,
    transactions bigint default 0 not null,
    tags bigint default 0 not null,
    payees bigint default 0 not null,
    categories bigint default 0 not null,
    text_bytes bigint default 0 not null,
    history_bytes bigint default 0 not null,
    idempotency_keys bigint default 0 not null,
    counted_at timestamp with time zone,
    constraint usage_pkey PRIMARY KEY (user_id)
);

create table usage_deltas (
    user_id bigint not null,
    operation_id bigint,
    entity text not null,
    rows bigint not null,
    text_bytes bigint not null,
    history_bytes bigint not null
);

alter table changes add column bytes bigint;
alter table operations add constraint operations_undoes_fkey FOREIGN KEY (user_id, undoes) REFERENCES operations(user_id, id) ON DELETE SET NULL (undoes) not valid;
alter table operations add constraint operations_undone_by_fkey FOREIGN KEY (user_id, undone_by) REFERENCES operations(user_id, id) ON DELETE SET NULL (undone_by) not valid;
alter table usage add constraint usage_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
