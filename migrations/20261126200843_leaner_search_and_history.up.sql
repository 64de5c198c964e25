set local check_function_bodies = off;
-- squawk-ignore require-concurrent-index-deletion -- it follows from schema.sql, takes no time, and was tried on a copy
drop index transactions_by_search;
-- squawk-ignore ban-drop-function -- it follows from schema.sql, takes no time, and was tried on a copy
drop function search_grams(bigint,text);
drop trigger take_from_transaction on transaction_tags;
drop trigger record_update on transactions;

create or replace function changed(name text, value anyelement, other anyelement)
 RETURNS jsonb
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
select case when value is distinct from other then jsonb_build_object(name, value) else '{}' end
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

create or replace function search_grams(user_id bigint, search text)
 RETURNS tsvector
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
declare
    owner text := user_id || ' ';
    grams text[] := '{}';
    before text := ' ';
    character text := ' ';
    after text;
begin
    foreach after in array string_to_array(search, null) loop
        -- Blanks are around every ideograph and emoji, so that two of them have one between them.
        if ascii(character) > 32 or ascii(after) >= 8592 then
            grams := grams || (owner || before || character || after);
        end if;
        before := character;
        character := after;
    end loop;
    return array_to_tsvector(grams);
end
$function$;

alter table idempotency_keys add column tagged boolean default false not null;

create view trash as
SELECT d.user_id,
    d.id,
    d.operation_id,
    d.entity_id AS transaction_id,
    d.before AS "row"
   FROM changes d
  WHERE d.entity = 'transactions'::text AND d.after IS NULL AND (( SELECT t.id
           FROM transactions t
          WHERE t.user_id = d.user_id AND t.id = d.entity_id)) IS NULL AND d.id = (( SELECT max(l.id) AS max
           FROM changes l
          WHERE l.user_id = d.user_id AND l.entity = 'transactions'::text AND l.entity_id = d.entity_id));

create TRIGGER take_from_transaction BEFORE INSERT ON transaction_tags FOR EACH ROW WHEN (new.date IS NULL OR new.amount IS NULL) EXECUTE FUNCTION take_from_transaction();
create TRIGGER record_update AFTER UPDATE ON transactions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_transaction_update();
