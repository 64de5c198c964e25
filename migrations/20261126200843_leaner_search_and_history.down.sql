set local check_function_bodies = off;
drop function changed(text,anyelement,anyelement);
drop function search_grams(bigint,text);

-- data loss: the column public.idempotency_keys.tagged and what is in it
alter table idempotency_keys drop column tagged;
drop view trash;
drop trigger take_from_transaction on transaction_tags;
drop trigger record_update on transactions;
drop function record_transaction_update();

create or replace function search_grams(user_id bigint, search text)
 RETURNS bigint[]
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN (SELECT array_agg(hashtextextended(substr(search_grams.search, start.start, length.length), search_grams.user_id)) AS array_agg FROM generate_series(1, (char_length(search_grams.search) - 1)) start(start), generate_series(2, 3) length(length) WHERE ((start.start + length.length) <= (char_length(search_grams.search) + 1)));

create index transactions_by_search on transactions using gin (search_grams(user_id, search));
create TRIGGER take_from_transaction BEFORE INSERT ON transaction_tags FOR EACH ROW EXECUTE FUNCTION take_from_transaction();
create TRIGGER record_update AFTER UPDATE ON transactions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_update();
