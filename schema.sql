-- The schema as it should be: plain PostgreSQL, in an order in which it can be run. Change it here, then write the migration
-- with `app migrate dev --name WHAT_IT_IS_FOR`. What keeps its content under another name says so at the end of its line, as
-- in `full_name text, -- renamed from name`. How: docs/migrations.md.

create type transaction_type as enum ('INCOME', 'EXPENSE');

create table users (
    id bigint generated always as identity primary key,
    email text not null,
    name text,
    -- argon2id, or bcrypt where the user came from the original service and has not logged in since.
    password_hash text not null,
    -- ISO 4217: what an amount is in when nothing else is said.
    currency text not null default 'THB',
    -- IANA: where "today" and "this month" are worked out.
    time_zone text not null default 'Asia/Bangkok',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint users_email_key unique (email),
    -- Addresses are compared without case, so they are kept without it.
    constraint users_email_lower_case check (email !~ '[A-Z]'),
    constraint users_email_length check (char_length(email) between 3 and 254),
    constraint users_name_length check (char_length(name) <= 200),
    constraint users_currency_code check (currency ~ '^[A-Z]{3}$')
);

-- Keys of whatever belongs to a user lead with the user: rows of one user lie together, a table can be spread over
-- servers by it, and a composite foreign key cannot point at somebody else's row.
create table categories (
    user_id bigint not null references users (id) on delete cascade,
    id bigint generated always as identity,
    kind transaction_type not null,
    name text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (user_id, id),
    constraint categories_name_key unique (user_id, kind, name),
    -- What a transaction points at, so that its type and its category's kind cannot differ.
    constraint categories_kind_key unique (user_id, id, kind),
    constraint categories_name_length check (char_length(name) between 1 and 100)
);

create table transactions (
    user_id bigint not null references users (id) on delete cascade,
    id bigint generated always as identity,
    title text not null,
    title_en text,
    -- Major units, exact: 12 digits before the point, and the 4 decimals that a currency has at most.
    amount numeric(16, 4) not null,
    currency text not null,
    type transaction_type not null,
    category_id bigint not null,
    -- A civil day: no time zone moves it.
    date date not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (user_id, id),
    constraint transactions_category_fkey foreign key (user_id, category_id, type)
        references categories (user_id, id, kind),
    constraint transactions_title_length check (char_length(title) between 1 and 500),
    constraint transactions_title_en_length check (char_length(title_en) <= 500),
    constraint transactions_amount_positive check (amount > 0),
    constraint transactions_currency_code check (currency ~ '^[A-Z]{3}$'),
    -- The years that every client can read: PostgreSQL itself goes from 4713 BC to 5874897 AD, and to infinity.
    constraint transactions_date_range check (date between '0001-01-01' and '9999-12-31')
);

-- The list, the filter by days, and the sums of a month.
create index transactions_by_date on transactions (user_id, date desc, id desc);

-- The other side of the foreign key.
create index transactions_by_category on transactions (user_id, category_id);
