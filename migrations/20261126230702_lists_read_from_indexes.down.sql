-- data loss: the column public.transactions.short_search and what is in it
alter table transactions drop column short_search;
drop trigger shorten_search on transactions;
drop function shorten_search();

create or replace function record_delete()
 RETURNS trigger
 LANGUAGE plpgsql
 SET enable_nestloop TO 'off'
 SET jit TO 'off'
AS $function$
begin
    insert into changes (user_id, operation_id, entity, entity_id, tag_id, before)
    select r.user_id, current_setting('app.operation')::bigint, tg_table_name, (r.row ->> tg_argv[0])::bigint,
        (r.row ->> 'tag_id')::bigint, r.row
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
        (r.row ->> 'tag_id')::bigint, r.row
    from (select n.user_id, to_jsonb(n) as row from new_rows n) r;
    return null;
end
$function$;

alter table transactions reset (autovacuum_vacuum_insert_scale_factor);
create index transactions_by_amount on transactions (user_id, amount, id);
create index transactions_by_category_and_amount on transactions (user_id, category_id, amount, id);
create index transactions_by_date on transactions (user_id, date DESC, id DESC);
create index transactions_to_fold on transactions (user_id, id) WHERE search IS NULL;
