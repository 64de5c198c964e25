-- GET /api/transactions/filter?startDate=D&endDate=D: a day of the user who has 20 transactions a day.
\set day random(2014, 2025) * 10000 + random(1, 12) * 100 + random(1, 28)
select
    t.id,
    t.title,
    t.title_en,
    t.amount,
    t.currency,
    t.type as "kind: TransactionType",
    c.name as category,
    t.category_id,
    t.date,
    t.user_id,
    t.created_at,
    t.updated_at
from transactions t
join categories c on c.user_id = t.user_id and c.id = t.category_id
where t.user_id = :reader and t.date between coalesce(:day, '0001-01-01'::date) and coalesce(:day, '9999-12-31'::date)
order by t.date desc, t.id desc
limit :limit;
