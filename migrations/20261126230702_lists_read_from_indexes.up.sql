-- squawk-ignore require-concurrent-index-deletion -- it follows from schema.sql, takes no time, and was tried on a copy
drop index transactions_by_amount;
-- squawk-ignore require-concurrent-index-deletion -- it follows from schema.sql, takes no time, and was tried on a copy
drop index transactions_by_category_and_amount;
-- squawk-ignore require-concurrent-index-deletion -- it follows from schema.sql, takes no time, and was tried on a copy
drop index transactions_by_date;
-- squawk-ignore require-concurrent-index-deletion -- it follows from schema.sql, takes no time, and was tried on a copy
drop index transactions_to_fold;

create or replace function shorten_search()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
    new.short_search := case when char_length(new.search) <= 100 then new.search end;
    return new;
end
$function$;

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

alter table transactions set (autovacuum_vacuum_insert_scale_factor = 0.05);
alter table transactions add column short_search text;
create TRIGGER shorten_search BEFORE INSERT OR UPDATE OF search ON transactions FOR EACH ROW EXECUTE FUNCTION shorten_search();
