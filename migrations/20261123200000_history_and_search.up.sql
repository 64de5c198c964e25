set local check_function_bodies = off;
create type category_source as enum ('USER', 'HISTORY', 'KEYWORD', 'DEFAULT');

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

create or replace function search_grams(user_id bigint, search text)
 RETURNS bigint[]
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN (SELECT array_agg(hashtextextended(substr(search_grams.search, start.start, length.length), search_grams.user_id)) AS array_agg FROM generate_series(1, (char_length(search_grams.search) - 1)) start(start), generate_series(2, 3) length(length) WHERE ((start.start + length.length) <= (char_length(search_grams.search) + 1)));

create or replace function take_from_transaction()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
    select t.date, t.amount into new.date, new.amount
    from transactions t
    where t.user_id = new.user_id and t.id = new.transaction_id;
    if not found then
        -- The foreign key says so, which is a better word for it than a missing day.
        new.date := '0001-01-01';
        new.amount := 0;
    end if;
    return new;
end
$function$;

create or replace function tell_tags()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
    update transaction_tags
    set date = new.date, amount = new.amount
    where user_id = new.user_id and transaction_id = new.id;
    return null;
end
$function$;

create table changes (
    user_id bigint not null,
    id bigint generated always as identity,
    operation_id bigint not null,
    entity text not null,
    entity_id bigint not null,
    tag_id bigint,
    before jsonb,
    after jsonb,
    constraint changes_pkey PRIMARY KEY (user_id, id),
    constraint changes_something CHECK (before IS NOT NULL OR after IS NOT NULL)
);

create table idempotency_keys (
    user_id bigint not null,
    key text not null,
    fingerprint bytea not null,
    status bigint,
    operation_id bigint,
    data text,
    created_at timestamp with time zone default now() not null,
    constraint idempotency_keys_pkey PRIMARY KEY (user_id, key),
    constraint idempotency_keys_key_length CHECK (char_length(key) >= 1 AND char_length(key) <= 255)
);

create table operations (
    user_id bigint not null,
    id bigint generated always as identity,
    kind text not null,
    created_at timestamp with time zone default now() not null,
    undoes bigint,
    undone_by bigint,
    purged boolean default false not null,
    constraint operations_pkey PRIMARY KEY (user_id, id)
);

create table payees (
    user_id bigint not null,
    id bigint generated always as identity,
    name text not null,
    search text not null,
    created_at timestamp with time zone default now() not null,
    updated_at timestamp with time zone default now() not null,
    constraint payees_pkey PRIMARY KEY (user_id, id),
    constraint payees_name_key UNIQUE (user_id, name),
    constraint payees_name_length CHECK (char_length(name) >= 1 AND char_length(name) <= 200)
);

create table tags (
    user_id bigint not null,
    id bigint generated always as identity,
    name text not null,
    color text,
    created_at timestamp with time zone default now() not null,
    updated_at timestamp with time zone default now() not null,
    constraint tags_pkey PRIMARY KEY (user_id, id),
    constraint tags_name_key UNIQUE (user_id, name),
    constraint tags_color_code CHECK (color ~ '^#[0-9a-f]{6}$'::text),
    constraint tags_name_length CHECK (char_length(name) >= 1 AND char_length(name) <= 100)
);

create table transaction_tags (
    user_id bigint not null,
    transaction_id bigint not null,
    tag_id bigint not null,
    date date not null,
    amount numeric(16,4) not null,
    constraint transaction_tags_pkey PRIMARY KEY (user_id, transaction_id, tag_id)
);

alter table categories add column "position" bigint default 0 not null;
alter table categories add column archived boolean default false not null;
alter table categories add column color text;
alter table categories add column icon text;
alter table categories add column parent_id bigint;
alter table transactions add column category_reason text;
alter table transactions add column category_source category_source default 'USER'::category_source not null;
alter table transactions add column note text;
alter table transactions add column payee_id bigint;
alter table transactions add column search text;
alter table categories add constraint categories_color_code CHECK (color ~ '^#[0-9a-f]{6}$'::text) not valid;
alter table categories add constraint categories_icon_length CHECK (char_length(icon) >= 1 AND char_length(icon) <= 50) not valid;
alter table categories add constraint categories_parent_other CHECK (parent_id <> id) not valid;
alter table transactions add constraint transactions_category_reason_length CHECK (char_length(category_reason) <= 600) not valid;
alter table transactions add constraint transactions_note_length CHECK (char_length(note) <= 5000) not valid;
create index changes_deleted on changes (user_id, id DESC) WHERE entity = 'transactions'::text AND after IS NULL;
create index changes_of_entity on changes (user_id, entity, entity_id, id);
create index changes_of_operation on changes (user_id, operation_id);
create index idempotency_keys_by_age on idempotency_keys (created_at);
create index transaction_tags_by_amount on transaction_tags (user_id, tag_id, amount, transaction_id);
create index transaction_tags_by_date on transaction_tags (user_id, tag_id, date DESC, transaction_id DESC);
alter table categories add constraint categories_parent_fkey FOREIGN KEY (user_id, parent_id, kind) REFERENCES categories(user_id, id, kind) not valid;
alter table changes add constraint changes_operation_fkey FOREIGN KEY (user_id, operation_id) REFERENCES operations(user_id, id) ON DELETE CASCADE;
alter table idempotency_keys add constraint idempotency_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table operations add constraint operations_undoes_fkey FOREIGN KEY (user_id, undoes) REFERENCES operations(user_id, id);
alter table operations add constraint operations_undone_by_fkey FOREIGN KEY (user_id, undone_by) REFERENCES operations(user_id, id);
alter table operations add constraint operations_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table payees add constraint payees_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table tags add constraint tags_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table transaction_tags add constraint transaction_tags_tag_fkey FOREIGN KEY (user_id, tag_id) REFERENCES tags(user_id, id) ON DELETE CASCADE;
alter table transaction_tags add constraint transaction_tags_transaction_fkey FOREIGN KEY (user_id, transaction_id) REFERENCES transactions(user_id, id) ON DELETE CASCADE;
alter table transactions add constraint transactions_payee_fkey FOREIGN KEY (user_id, payee_id) REFERENCES payees(user_id, id) ON DELETE SET NULL (payee_id) not valid;
create TRIGGER record_delete AFTER DELETE ON categories REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_delete('id');
create TRIGGER record_insert AFTER INSERT ON categories REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_insert('id');
create TRIGGER record_update AFTER UPDATE ON categories REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_update();
create TRIGGER record_delete AFTER DELETE ON payees REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_delete('id');
create TRIGGER record_insert AFTER INSERT ON payees REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_insert('id');
create TRIGGER record_update AFTER UPDATE ON payees REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_update();
create TRIGGER record_delete AFTER DELETE ON tags REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_delete('id');
create TRIGGER record_insert AFTER INSERT ON tags REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_insert('id');
create TRIGGER record_update AFTER UPDATE ON tags REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_update();
create TRIGGER record_delete AFTER DELETE ON transaction_tags REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_delete('transaction_id');
create TRIGGER record_insert AFTER INSERT ON transaction_tags REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_insert('transaction_id');
create TRIGGER take_from_transaction BEFORE INSERT ON transaction_tags FOR EACH ROW EXECUTE FUNCTION take_from_transaction();
create TRIGGER record_delete AFTER DELETE ON transactions REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_delete('id');
create TRIGGER record_insert AFTER INSERT ON transactions REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_insert('id');
create TRIGGER record_update AFTER UPDATE ON transactions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_update();
create TRIGGER tell_tags AFTER UPDATE ON transactions FOR EACH ROW WHEN (old.date <> new.date OR old.amount <> new.amount) EXECUTE FUNCTION tell_tags();
