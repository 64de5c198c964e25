create type transaction_type as enum ('INCOME', 'EXPENSE');

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
