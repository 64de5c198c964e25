-- GET /api/transactions?limit=20&category=Food+%26+Dining&minAmount=100&cursor=C: a page by two filters, at any depth.
\set day random(2014, 2025) * 10000 + random(1, 12) * 100 + random(1, 28)
with recursive found as (
    (
        select id from categories
        where user_id = :reader and id = any (:no_ids) and (null::transaction_type is null or kind = null)
        union all
        -- One kind at a time, in the index, which has the names of each kind.
        select c.id
        from unnest(enum_range(null::transaction_type)) as k (kind)
        cross join lateral (
            select c.id from categories c
            where c.user_id = :reader and c.kind = k.kind and name_key(c.name) = name_key(:category)
            offset 0
        ) c
        where null::transaction_type is null or k.kind = null
    )
    union
    select c.id
    from found f
    join categories c on c.user_id = :reader and c.parent_id = f.id
)
select id as "id!" from found order by id;
begin;
select
    t.id, t.title, t.title_en, t.amount, t.currency, t.type::text as kind, c.name as category, t.category_id, t.date,
    t.user_id, t.created_at, t.updated_at, t.note, p.name as payee, t.payee_id,
    array(
        select g.name from transaction_tags l join tags g on g.user_id = :reader and g.id = l.tag_id
        where l.user_id = :reader and l.transaction_id = t.id
        order by g.name collate "C"
    ) as tags,
    t.category_source::text as category_source, t.category_reason
from (
    with near as materialized (
        select t.id from (
        select
            t.user_id, t.id, t.type, t.category_id, t.payee_id, t.currency, t.date, t.amount,
            coalesce(t.short_search, (select l.search from transactions l where l.user_id = :reader and l.id = t.id)) as search
        from transactions t
        where t.user_id = :reader and (t.date, t.id) < (:day, :last_id) and t.date >= :first_day
        order by t.date desc, t.id desc
        limit (select :most::bigint)
    ) t
        where t.amount between :least and :most_amount and t.category_id = any (:food)
        order by t.date desc, t.id desc
        limit 21
    ), seen as materialized (
        select count(*) >= :most as goes_on from (
        select t.id
        from transactions t
        where t.user_id = :reader and (t.date, t.id) < (:day, :last_id) and t.date >= :first_day
        order by t.date desc, t.id desc
        limit (select :most::bigint)
    ) t
    ), far as materialized (
        select t.id, t.date, t.amount from transactions t
        where t.user_id = :reader and t.amount between :least and :most_amount and t.category_id = any (:food)
    )
    select near.id from near
    union (
        select t.id from far t
        where (select count(*) from near) < 21 and (select goes_on from seen)
            and (t.date, t.id) < (:day, :last_id) and t.date >= :first_day
        order by t.date desc, t.id desc
        limit 21
    )
) s
join transactions t on t.user_id = :reader and t.id = s.id
join categories c on c.user_id = :reader and c.id = t.category_id
left join payees p on p.user_id = :reader and p.id = t.payee_id
order by t.date desc, t.id desc
limit 21;
commit;
