-- The data for measuring, the same in each run except for its last day: bench-0@example.com, a registered user,
-- with 100,000 transactions, 20 a day; and bench-1 to bench-100 with 1,000 each, one a day.

create temporary table samples (k integer, title text, title_en text, kind transaction_type, category text, amount numeric);
insert into samples
select row_number() over () - 1, *
from (values
    ('ข้าวมันไก่', 'Chicken rice', 'EXPENSE'::transaction_type, 'Food & Dining', 60),
    ('รถไฟฟ้า BTS', 'Sky train', 'EXPENSE', 'Transportation', 47),
    ('กาแฟเย็น', 'Iced coffee', 'EXPENSE', 'Food & Dining', 75.5),
    ('Weekly groceries at the market', null, 'EXPENSE', 'Groceries', 1280.25),
    ('ค่าไฟฟ้าเดือนนี้', 'Electricity', 'EXPENSE', 'Bills & Utilities', 1284.75),
    ('Cinema tickets', null, 'EXPENSE', 'Entertainment', 440),
    ('ค่ายาและพบแพทย์', 'Doctor and medicine', 'EXPENSE', 'Healthcare', 950),
    ('ค่าเช่าห้อง', 'Rent of the flat', 'EXPENSE', 'Rent', 9500),
    ('รองเท้าวิ่งคู่ใหม่', 'New running shoes', 'EXPENSE', 'Shopping', 2590),
    ('Online course: Rust for web services', null, 'EXPENSE', 'Education', 1490),
    ('ส้มตำ ไก่ย่าง ข้าวเหนียว', 'Papaya salad, grilled chicken, sticky rice', 'EXPENSE', 'Food & Dining', 185),
    ('Taxi to the airport', null, 'EXPENSE', 'Transportation', 420),
    ('เงินเดือน', 'Salary', 'INCOME', 'Salary', 42000),
    ('งานออกแบบเว็บไซต์', 'Web design', 'INCOME', 'Freelance', 8500.5),
    ('Dividend', null, 'INCOME', 'Investment', 1234.56)
) as sample (title, title_en, kind, category, amount);

insert into users (email, name, password_hash)
select 'bench-' || n || '@example.com', 'Bench ' || n, (select password_hash from users where email = 'bench-0@example.com')
from generate_series(1, 100) as n;

insert into categories (user_id, kind, name)
select users.id, wanted.kind, wanted.category
from users cross join (select distinct kind, category from samples) as wanted
order by 1, 2, 3
on conflict do nothing;

insert into transactions (user_id, title, title_en, amount, currency, type, category_id, date, created_at, updated_at)
select
    users.id,
    samples.title,
    samples.title_en,
    samples.amount + (n * 7919) % 10000 / 100.0,
    users.currency,
    samples.kind,
    categories.id,
    day.date,
    day.date + time '09:30',
    day.date + time '09:30'
from (
        select 'bench-0@example.com' as email, n, 4999 - n / 20 as days_ago from generate_series(0, 99999) as n
        union all
        select 'bench-' || u || '@example.com', n, 999 - n from generate_series(1, 100) as u, generate_series(0, 999) as n
    ) as row
    cross join lateral (select (now() at time zone 'Asia/Bangkok')::date - days_ago as date) as day
    join users on users.email = row.email
    join samples on samples.k = (n * 31 + n / 20) % 15
    join categories on categories.user_id = users.id and categories.kind = samples.kind and categories.name = samples.category
-- The first user's rows come first, then the others' day by day, so that each user's rows are spread over the table.
order by users.email <> 'bench-0@example.com', n, users.id;

drop table samples;
vacuum (analyze);
checkpoint;
