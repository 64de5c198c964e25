-- The desired schema: plain PostgreSQL, in an order in which it can be run. Change it here, then write the migration with
-- `app migrate dev --name WHAT_IT_IS_FOR`. A renamed object names its old name in a comment at the end of its line, as
-- in `full_name text, -- renamed from name`. How: docs/migrations.md.

create type transaction_type as enum ('INCOME', 'EXPENSE');

-- The origin of a transaction's category: the user, similar transactions, a word in the title, or none of these.
create type category_source as enum ('USER', 'HISTORY', 'KEYWORD', 'DEFAULT');

create table users (
    id bigint generated always as identity primary key,
    email text not null,
    name text,
    -- argon2id, or bcrypt for users of the original service who have not logged in since.
    password_hash text not null,
    -- ISO 4217. The currency of amounts without one of their own.
    currency text not null default 'THB',
    -- IANA name. Decides which day is today and which month is the current one.
    time_zone text not null default 'Asia/Bangkok',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint users_email_key unique (email),
    -- Addresses are compared without case, so they are stored in lower case.
    constraint users_email_lower_case check (email !~ '[A-Z]'),
    constraint users_email_length check (char_length(email) between 3 and 254),
    constraint users_name_length check (char_length(name) <= 200),
    constraint users_currency_code check (currency ~ '^[A-Z]{3}$')
);

-- The kind and the cost parameters of a password hash, such as `$argon2id$v=19$m=19456,t=2,p=1` or `$2a$10`.
create function hash_kind(password_hash text) returns text
language sql immutable strict parallel safe as $$
    select substring(password_hash from '^([$]2[a-z]?[$][0-9]+|[$]argon2[a-z]+[$]v=[0-9]+[$][a-z0-9=,]+)[$]')
$$;

-- Lists the kinds of hashes without reading every user.
create index users_by_hash_kind on users (hash_kind(password_hash));

-- Networks that a user has signed in from, as keyed hashes. Sign-ins from them do not compete with those of strangers.
create table known_networks (
    user_id bigint not null references users (id) on delete cascade,
    network bytea not null,
    last_used_at timestamptz not null default now(),
    primary key (user_id, network),
    constraint known_networks_network_length check (octet_length(network) = 16)
);

-- Failed sign-ins that still count, for all servers. Each failure moves the instant on by its share of the period
-- (GCRA). The keys are keyed hashes of addresses and accounts. Unlogged, because the loss after a crash does no harm.
create unlogged table sign_in_failures (
    key bytea not null primary key,
    -- When all counted failures are forgotten.
    forgotten_at timestamptz not null,
    constraint sign_in_failures_key_length check (octet_length(key) = 16)
);

-- Registration codes, for registration by invitation. The code itself is not stored.
create table invites (
    id bigint generated always as identity primary key,
    -- SHA-256 of the code.
    code_hash bytea not null,
    uses_left bigint not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    constraint invites_code_hash_key unique (code_hash),
    constraint invites_code_hash_length check (octet_length(code_hash) = 32),
    constraint invites_uses_left_range check (uses_left between 0 and 1000)
);

-- The key that names are compared by. Names that differ only in case, white space, invisible characters, or
-- compatibility forms of letters have the same key. `domain::name` computes the same key. An index cannot hold long
-- texts, so the end of a very long key is replaced by a hash. The cost is what it takes, so that PostgreSQL looks for a
-- name in an index rather than computes the keys of many.
create function name_key(name text) returns text language sql immutable strict parallel safe cost 5000 as $$
select case when octet_length(k.key) <= 1000 then k.key else left(k.key, 100) || hashtextextended(k.key, 0) end
from (
    select normalize(
        replace(lower(upper(btrim(regexp_replace(
            normalize(regexp_replace(
                normalize(name, nfkc),
                '[\u0001-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f'
                    || '\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb'
                    || '\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]',
                '', 'g'
            ), nfkc),
            '[\u0009-\u000d\u0020\u0085\u1680\u2028\u2029\u2800]+', ' ', 'g'
        )) collate "und-x-icu")), 'ς', 'σ'),
        nfkc
    ) as key
) k
$$;

-- Keys of a user's tables lead with the user: rows of a user lie together, which partitioning by user needs, and a
-- composite foreign key cannot reference a row of another user. Foreign keys do not set columns to null, because sharded
-- tables cannot have such ones: triggers, or the program, do it before a row is deleted.
create table categories (
    user_id bigint not null references users (id) on delete cascade,
    id bigint generated always as identity,
    kind transaction_type not null,
    name text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- The parent in the tree, of the same kind.
    parent_id bigint,
    icon text,
    color text,
    -- The order among siblings, ascending; equal positions are ordered by name.
    position bigint not null default 0,
    -- Archived categories are not offered any more.
    archived boolean not null default false,
    primary key (user_id, id),
    -- The target of the foreign key of transactions, so that their type and the kind of their category cannot differ.
    constraint categories_kind_key unique (user_id, id, kind),
    constraint categories_parent_fkey foreign key (user_id, parent_id, kind) references categories (user_id, id, kind),
    constraint categories_name_length check (char_length(name) between 1 and 100),
    constraint categories_parent_other check (parent_id <> id),
    constraint categories_icon_length check (char_length(icon) between 1 and 50),
    constraint categories_color_code check (color ~ '^#[0-9a-f]{6}$')
);

-- Names are unique per level.
create unique index categories_name_key on categories (user_id, kind, name_key(name), parent_id) nulls not distinct;

create index categories_by_parent on categories (user_id, parent_id) where parent_id is not null;

-- The category that represents each default category. The row survives renaming, and follows merging. A deleted default
-- category has a row without a category, so that it is not created again.
create table default_categories (
    user_id bigint not null references users (id) on delete cascade,
    id bigint generated always as identity,
    kind transaction_type not null,
    -- The name in the program.
    origin text not null,
    category_id bigint,
    primary key (user_id, id),
    constraint default_categories_origin_key unique (user_id, kind, origin),
    constraint default_categories_category_fkey foreign key (user_id, category_id, kind)
        references categories (user_id, id, kind),
    constraint default_categories_origin_length check (char_length(origin) between 1 and 100)
);

create function forget_category() returns trigger language plpgsql as $$
begin
    update default_categories set category_id = null where user_id = old.user_id and category_id = old.id;
    return old;
end
$$;

create trigger forget_category before delete on categories for each row execute function forget_category();

create table tags (
    user_id bigint not null references users (id) on delete cascade,
    id bigint generated always as identity,
    name text not null,
    color text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (user_id, id),
    constraint tags_name_length check (char_length(name) between 1 and 100),
    constraint tags_color_code check (color ~ '^#[0-9a-f]{6}$')
);

create unique index tags_name_key on tags (user_id, name_key(name));

-- The list in dictionary order.
create index tags_by_name on tags (user_id, name collate "und-x-icu", id);

-- The other party of a payment.
create table payees (
    user_id bigint not null references users (id) on delete cascade,
    id bigint generated always as identity,
    name text not null,
    -- The folded name; see `transactions.search`.
    search text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (user_id, id),
    constraint payees_name_length check (char_length(name) between 1 and 200)
);

create unique index payees_name_key on payees (user_id, name_key(name));

-- The list in dictionary order.
create index payees_by_name on payees (user_id, name collate "und-x-icu", id);

-- Payees that the program has not folded yet.
create index payees_to_fold on payees (user_id, id) where right(search, 2) <> E'\n2';

-- The search index entries of a text: each character with its neighbours, prefixed by the user. Two characters are
-- found as the prefix of three. A loop is faster here than any single statement.
create function search_grams(user_id bigint, search text) returns tsvector
language plpgsql immutable strict parallel safe as $$
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
$$;

create table transactions (
    user_id bigint not null references users (id) on delete cascade,
    id bigint generated always as identity,
    title text not null,
    title_en text,
    -- Major units, exact: 12 digits before the decimal point, and at most 4 decimals, as many as any currency has.
    amount numeric(16, 4) not null,
    currency text not null,
    type transaction_type not null,
    category_id bigint not null,
    -- A civil date, independent of time zones.
    date date not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    note text,
    payee_id bigint,
    category_source category_source not null default 'USER',
    -- The reason for the category, if the user did not choose it.
    category_reason text,
    -- Title and note, folded by the program; empty until the row has been folded.
    search text,
    -- The folded text if it is short enough for an index. The trigger below maintains it.
    short_search text,
    primary key (user_id, id),
    constraint transactions_category_fkey foreign key (user_id, category_id, type)
        references categories (user_id, id, kind),
    constraint transactions_payee_fkey foreign key (user_id, payee_id)
        references payees (user_id, id),
    constraint transactions_title_length check (char_length(title) between 1 and 500),
    constraint transactions_title_en_length check (char_length(title_en) <= 500),
    constraint transactions_note_length check (char_length(note) <= 5000),
    constraint transactions_category_reason_length check (char_length(category_reason) <= 600),
    constraint transactions_amount_positive check (amount > 0),
    constraint transactions_currency_code check (currency ~ '^[A-Z]{3}$'),
    -- The years that every client can read. PostgreSQL's own range is 4713 BC to 5874897 AD, and infinity.
    constraint transactions_date_range check (date between '0001-01-01' and '9999-12-31')
)
-- Index-only scans need rows that vacuum has processed; with the default settings, a fifth of them would wait for it.
with (autovacuum_vacuum_insert_scale_factor = 0.05);

-- The list, the filter by dates, and the sums of a month. Includes all columns that are filtered by, because an
-- index-only scan takes a quarter of the time.
create index transactions_by_date on transactions (user_id, date desc, id desc)
    include (type, category_id, payee_id, currency, amount, short_search);

-- The list by amount. In this order, rows are spread over the whole table, and fetching them would take seven times as
-- long.
create index transactions_by_amount on transactions (user_id, amount, id)
    include (type, category_id, payee_id, currency, date, short_search);

-- The foreign key, and the lists of a category.
create index transactions_by_category on transactions (user_id, category_id, date desc, id desc);

create index transactions_by_payee on transactions (user_id, payee_id, date desc, id desc) where payee_id is not null;

create index transactions_by_currency on transactions (user_id, currency, date desc, id desc);

create index transactions_by_search on transactions using gin (search_grams(user_id, search));

-- Rows that the program has not folded yet: rows that were not written through the API, or were folded by older rules.
-- The mark at the end of a folded text has the version of the rules.
create index transactions_to_fold on transactions (user_id, id)
    where search is null or right(search, 2) <> E'\n2' or (short_search is null and char_length(search) <= 100);

create function shorten_search() returns trigger language plpgsql as $$
begin
    new.short_search := case when char_length(new.search) <= 100 then new.search end;
    return new;
end
$$;

create trigger shorten_search before insert or update of search on transactions
for each row execute function shorten_search();

create function forget_payee() returns trigger language plpgsql as $$
begin
    update transactions set payee_id = null where user_id = old.user_id and payee_id = old.id;
    return old;
end
$$;

create trigger forget_payee before delete on payees for each row execute function forget_payee();

create table transaction_tags (
    user_id bigint not null,
    transaction_id bigint not null,
    tag_id bigint not null,
    -- Copies of the transaction's columns, so that the list of a tag has an index. The triggers below fill and maintain
    -- them.
    date date not null,
    amount numeric(16, 4) not null,
    primary key (user_id, transaction_id, tag_id),
    constraint transaction_tags_transaction_fkey foreign key (user_id, transaction_id)
        references transactions (user_id, id) on delete cascade,
    constraint transaction_tags_tag_fkey foreign key (user_id, tag_id) references tags (user_id, id) on delete cascade
);

create index transaction_tags_by_date on transaction_tags (user_id, tag_id, date desc, transaction_id desc);
create index transaction_tags_by_amount on transaction_tags (user_id, tag_id, amount, transaction_id);

create function take_from_transaction() returns trigger language plpgsql as $$
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
$$;

create trigger take_from_transaction before insert on transaction_tags
for each row when (new.date is null or new.amount is null) execute function take_from_transaction();

create function tell_tags() returns trigger language plpgsql as $$
begin
    update transaction_tags
    set date = new.date, amount = new.amount
    where user_id = new.user_id and transaction_id = new.id;
    return null;
end
$$;

create trigger tell_tags after update on transactions
for each row when (old.date <> new.date or old.amount <> new.amount) execute function tell_tags();

-- An undoable unit of change.
create table operations (
    user_id bigint not null references users (id) on delete cascade,
    id bigint generated always as identity,
    -- The kind, such as `transaction.create`.
    kind text not null,
    created_at timestamptz not null default now(),
    -- The operation that this one undid.
    undoes bigint,
    -- The operation that undid this one.
    undone_by bigint,
    -- Rows that it deleted have been purged from the trash, so it cannot be undone.
    purged boolean not null default false,
    primary key (user_id, id),
    -- Operations are removed when they are old, and others may reference them. The program sets these columns to null
    -- before: a trigger could not change rows that the same statement deletes.
    constraint operations_undoes_fkey foreign key (user_id, undoes) references operations (user_id, id),
    constraint operations_undone_by_fkey foreign key (user_id, undone_by) references operations (user_id, id)
);

-- The foreign keys.
create index operations_by_undoes on operations (user_id, undoes) where undoes is not null;
create index operations_by_undone_by on operations (user_id, undone_by) where undone_by is not null;

-- Names the operation to the triggers that record changes, and locks the data of its user, both until the transaction
-- ends: shared for changes of a single transaction, which run concurrently, and exclusive for all others.
create function begin_operation() returns trigger language plpgsql as $$
begin
    perform set_config('app.operation', new.id::text, true);
    if new.kind like 'transaction.%' then
        perform pg_advisory_xact_lock_shared(hashtextextended('changes', new.user_id));
    else
        perform pg_advisory_xact_lock(hashtextextended('changes', new.user_id));
    end if;
    return new;
end
$$;

create trigger begin_operation before insert on operations for each row execute function begin_operation();

-- Each change of a row by an operation. Rows are never updated; the trash is emptied by deleting.
create table changes (
    user_id bigint not null,
    operation_id bigint not null,
    -- Microseconds since 1970, or one more than the last one: `next_change` makes it. Larger than that of every earlier
    -- change of the same row, on whichever server of a cluster it is recorded.
    id bigint not null,
    -- The table.
    entity text not null,
    -- The id of the row; for a tag of a transaction, the id of the transaction.
    entity_id bigint not null,
    tag_id bigint,
    -- The whole row; for an update, the changed columns.
    before jsonb,
    after jsonb,
    -- The size of `before` and `after` as written; null in rows older than this column.
    bytes bigint,
    primary key (user_id, operation_id, id),
    constraint changes_operation_fkey foreign key (user_id, operation_id)
        references operations (user_id, id) on delete cascade,
    constraint changes_something check (before is not null or after is not null)
);

-- Numbers only: rows of two tables rarely have the same id, and text would double the costs of every change.
create index changes_of_entity on changes (user_id, entity_id, id);

-- Deleted rows, newest first.
create index changes_deleted on changes (user_id, id desc) where entity = 'transactions' and after is null;

-- The trash of all users, for the job that empties it: deleted rows that do not exist any more. Checked row by row, so that the first page of a large trash does
-- not read all changes.
create view trash as
select d.user_id, d.id, d.operation_id, d.entity_id as transaction_id, d.before as row
from changes d
where d.entity = 'transactions' and d.after is null
    and (select t.id from transactions t where t.user_id = d.user_id and t.id = d.entity_id) is null
    and d.id = (
        select max(l.id) from changes l
        where l.user_id = d.user_id and l.entity = 'transactions' and l.entity_id = d.entity_id
    );

-- Categories, payees and tags that were merged into others. Transactions in the trash are restored with the one that
-- remains.
create table merged (
    user_id bigint not null,
    operation_id bigint not null,
    -- The table.
    entity text not null,
    id bigint not null,
    into_id bigint not null,
    -- A merge that was undone and redone comes after everything in between.
    primary key (user_id, entity, id, operation_id),
    constraint merged_operation_fkey foreign key (user_id, operation_id)
        references operations (user_id, id) on delete cascade
);

create index merged_by_operation on merged (user_id, operation_id);

-- The usage of each user, for quotas: recounted once a week, and updated every few seconds from `usage_deltas`.
create table usage (
    user_id bigint not null references users (id) on delete cascade,
    transactions bigint not null default 0,
    tags bigint not null default 0,
    payees bigint not null default 0,
    categories bigint not null default 0,
    -- Of titles, notes and names, as UTF-8.
    text_bytes bigint not null default 0,
    -- Of `changes`.
    history_bytes bigint not null default 0,
    idempotency_keys bigint not null default 0,
    -- The last full recount.
    counted_at timestamptz,
    primary key (user_id)
);

-- Usage added since, one row per statement, so that nobody waits for a counter that another session is changing. Rows
-- live for seconds, and a key or an index would cost more than the row itself.
create table usage_deltas (
    user_id bigint not null,
    operation_id bigint,
    -- The table.
    entity text not null,
    rows bigint not null,
    text_bytes bigint not null,
    history_bytes bigint not null
);

-- The number of bytes that a user has written into a row, or into some of its columns.
create function text_bytes(data jsonb) returns bigint language sql immutable parallel safe as $$
select coalesce(octet_length(data ->> 'title'), 0)::bigint + coalesce(octet_length(data ->> 'title_en'), 0)
    + coalesce(octet_length(data ->> 'note'), 0) + coalesce(octet_length(data ->> 'name'), 0)
$$;

-- The first id for changes of a user that are recorded now. It follows the clock, and after the clock was set back the
-- last change that was recorded.
create function next_change(owner bigint, operation bigint) returns bigint language plpgsql as $$
declare
    last bigint;
begin
    select max(id) into last
    from changes
    where user_id = owner
        and operation_id >= least(operation, (select max(operation_id) from changes where user_id = owner));
    return greatest((extract(epoch from clock_timestamp()) * 1000000)::bigint, last + 1);
end
$$;

-- Record changes for the operation named by the session in `app.operation`; without one, as in a seed, nothing is
-- recorded. The arguments are the table and the column that identifies the row. Generated columns are left out. The
-- rows are written one by one, because a table that is spread over servers cannot be filled from a transition table.
create function record_insert() returns trigger language plpgsql as $$
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
$$;

create function record_delete() returns trigger language plpgsql as $$
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
$$;

-- Records only the changed columns. Columns that only the program sees do not count as changes. The settings prevent a
-- plan made for one row from taking hours for a hundred thousand.
create function record_update() returns trigger language plpgsql set enable_nestloop = off set jit = off as $$
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
$$;

-- The previous value of a column, if it has changed.
create function changed(name text, value anyelement, other anyelement) returns jsonb
language sql stable parallel safe as $$
select case when value is distinct from other then jsonb_build_object(name, value) else '{}' end
$$;

-- The same for transactions, of which a hundred thousand may change at once. Comparing column by column takes a quarter
-- of the time.
create function record_transaction_update() returns trigger language plpgsql set enable_nestloop = off set jit = off as $$
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
$$;

-- The tables whose changes are recorded alike; `changes.entity_id` is their `id`.
do $$
declare
    recorded text;
    condition constant text := $w$when (current_setting('app.operation', true) <> '')$w$;
begin
    foreach recorded in array array[
        'categories',
        'default_categories',
        'payees',
        'tags'
    ] loop
        execute format(
            'create trigger record_insert after insert on %I referencing new table as new_rows
            for each statement %s execute function record_insert(%L, ''id'')', recorded, condition, recorded);
        execute format(
            'create trigger record_delete after delete on %I referencing old table as old_rows
            for each statement %s execute function record_delete(%L, ''id'')', recorded, condition, recorded);
        execute format(
            'create trigger record_update after update on %I referencing old table as old_rows new table as new_rows
            for each statement %s execute function record_update(%L)', recorded, condition, recorded);
    end loop;
end
$$;

create trigger record_insert after insert on transactions referencing new table as new_rows
for each statement when (current_setting('app.operation', true) <> '') execute function record_insert('transactions', 'id');
create trigger record_delete after delete on transactions referencing old table as old_rows
for each statement when (current_setting('app.operation', true) <> '') execute function record_delete('transactions', 'id');
create trigger record_update after update on transactions referencing old table as old_rows new table as new_rows
for each statement when (current_setting('app.operation', true) <> '') execute function record_transaction_update('transactions');

create trigger record_insert after insert on transaction_tags referencing new table as new_rows
for each statement when (current_setting('app.operation', true) <> '') execute function record_insert('transaction_tags', 'transaction_id');
create trigger record_delete after delete on transaction_tags referencing old table as old_rows
for each statement when (current_setting('app.operation', true) <> '') execute function record_delete('transaction_tags', 'transaction_id');

-- Answers to requests with an `Idempotency-Key`, kept for a day.
create table idempotency_keys (
    user_id bigint not null references users (id) on delete cascade,
    key text not null,
    -- SHA-256 of the request.
    fingerprint bytea not null,
    status bigint,
    operation_id bigint,
    -- JSON, byte for byte.
    data text,
    created_at timestamptz not null default now(),
    -- The answer had an `ETag`.
    tagged boolean not null default false,
    primary key (user_id, key),
    constraint idempotency_keys_key_length check (char_length(key) between 1 and 255)
);

create index idempotency_keys_by_age on idempotency_keys (created_at);
