-- POST /api/transactions, with a category that is there, as nearly all are.
\set user random(:first_user, :last_user)
\set amount random(100, 40000) / 4.0
select u.currency, u.time_zone, c.id as category_id
from users u
left join categories c on c.user_id = u.id and c.kind = :kind and c.name = :category
where u.id = :user
\gset
insert into transactions (user_id, title, title_en, amount, currency, type, category_id, date)
values (:user, :title, :title_en, :amount, :currency, :kind, :category_id, :today)
returning
    id,
    title,
    title_en,
    amount,
    currency,
    type as "kind: TransactionType",
    :category::text as "category!",
    category_id,
    date,
    user_id,
    created_at,
    updated_at;
