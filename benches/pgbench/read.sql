-- GET /api/transactions/:id
\set id random(:first_id, :last_id)
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
where t.user_id = :reader and t.id = :id;
