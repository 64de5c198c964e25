-- POST /api/transactions, with a category that is there, as nearly all are.
\set user random(:first_user, :last_user)
\set amount random(100, 40000) / 4.0
begin;
select currency, time_zone from users where id = :user;
select id from categories where user_id = :user and kind = :kind and name = :category
\gset
insert into transactions (user_id, title, title_en, amount, currency, type, category_id, date)
values (:user, :title, :title_en, :amount, :currency, :kind, :id, :today)
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
commit;
