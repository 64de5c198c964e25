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
