-- POST /api/transactions with an existing category, as in nearly all requests.
\set user random(:first_user, :last_user)
\set amount random(100, 40000) / 4.0
\set quota 1000000
begin;
insert into operations (user_id, kind)
values (:user, :operation)
returning
    id,
    set_config('app.operation', id::text, true) as named,
    pg_advisory_xact_lock_shared(hashtextextended('changes', :user)) as "locked!: ()",
    (
        select transactions > :quota or text_bytes > :quota or tags > :quota or payees > :quota or categories > :quota
        from usage
        where user_id = :user
    ) as near_quota;
select
    u.currency,
    u.time_zone,
    (
        select c.id
        from categories c
        where c.user_id = u.id and c.kind = :kind and name_key(c.name) = name_key(:category)
        order by c.archived, c.parent_id is not null, c.id
        limit 1
    ) as category_id
from users u
where u.id = :user
\gset
with t as (
    insert into transactions (
        user_id, title, title_en, amount, currency, type, category_id, category_source, category_reason, date, note, payee_id,
        search
    )
    values (:user, :title, :title_en, :amount, :currency, :kind, :category_id, :source, null, :today, null, null, :search)
    returning *
)
select
    t.id, t.title, t.title_en, t.amount, t.currency, t.type::text as kind, c.name as category, t.category_id, t.date,
    t.user_id, t.created_at, t.updated_at, t.note, p.name as payee, t.payee_id,
    array(
        select g.name from transaction_tags l join tags g on g.user_id = :user and g.id = l.tag_id
        where l.user_id = :user and l.transaction_id = t.id
        order by g.name collate "C"
    ) as tags,
    t.category_source::text as category_source, t.category_reason
    from t
    join categories c on c.user_id = :user and c.id = t.category_id
    left join payees p on p.user_id = :user and p.id = t.payee_id;
commit;
