-- GET /api/transactions/:id
\set id random(:first_id, :last_id)
select
    t.id, t.title, t.title_en, t.amount, t.currency, t.type::text as kind, c.name as category, t.category_id, t.date,
    t.user_id, t.created_at, t.updated_at, t.note, p.name as payee, t.payee_id,
    array(
        select g.name from transaction_tags l join tags g on g.user_id = :reader and g.id = l.tag_id
        where l.user_id = :reader and l.transaction_id = t.id
        order by g.name collate "C"
    ) as tags,
    t.category_source::text as category_source, t.category_reason
from transactions t
join categories c on c.user_id = :reader and c.id = t.category_id
left join payees p on p.user_id = :reader and p.id = t.payee_id
where t.user_id = :reader and t.id = :id;
