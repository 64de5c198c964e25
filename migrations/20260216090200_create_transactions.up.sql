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
