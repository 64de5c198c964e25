-- POST /api/transactions with an existing category, as in nearly all requests.
\set user random(:first_user, :last_user)
\set amount random(100, 40000) / 4.0
\set quota 1000000
select r.*,
    case when r.is_ready then nextval('operations_id_seq') end as operation_id,
    case when r.is_ready then nextval('transactions_id_seq') end as id
from (
    select u.id as user_id, now() as at, k.fingerprint, k.status, k.data, k.tagged,
        k.operation_id as stored_operation_id, u.currency, u.time_zone, c.id as category_id, c.name as category, p.id as payee_id, p.name as payee, g.ids as tag_ids, g.names as tags,
        c.id is not null and (p.id is not null or (null::text is null and null::bigint is null))
            and cardinality('{}'::text[]) = coalesce(cardinality(g.ids), 0) and k.status is null and coalesce(
            (
                select s.transactions <= :quota and s.text_bytes <= :quota and s.tags <= :quota and s.payees <= :quota
                    and s.categories <= :quota and (null::text is null or s.idempotency_keys < :quota)
                from usage s
                where s.user_id = :user
            ),
            -- A new account.
            0 <= least(:quota::bigint, :quota, :quota, :quota, :quota) and (null::text is null or 0 < :quota::bigint)
        ) as is_ready
    from users u
    left join idempotency_keys k
        on k.user_id = :user and k.key = null::text and k.status is not null and k.created_at >= now() - interval '24 hours'
    left join lateral (
        (
            select id, name from categories
            where user_id = :user and kind = :kind and name_key(name) = 'food & dining'
            order by archived, parent_id is not null, id
            limit 1
        )
        union all
        select id, name from categories where user_id = :user and kind = :kind and id = null::bigint
    ) c on true
    left join lateral (
        -- With a limit, which makes PostgreSQL use the index of names: it would compute the keys of all otherwise.
        (select id, name from payees where user_id = :user and name_key(name) = null::text limit 1)
        union all
        select id, name from payees where user_id = :user and id = null::bigint
    ) p on true
    left join lateral (
        select array_agg(t.id order by t.name collate "C") as ids, array_agg(t.name order by t.name collate "C") as names
        from unnest('{}'::text[]) as n (key)
        cross join lateral (
            select id, name from tags where user_id = :user and name_key(name) = n.key limit 1
        ) t
    ) g on '{}'::text[] <> '{}'
    where u.id = :user
    offset 0
) r
\gset
with o as (
    insert into operations (user_id, id, kind) overriding system value
    select :user, :operation_id, :operation
    returning user_id
), t as (
    insert into transactions (user_id, id, created_at, updated_at, title, title_en, amount, currency, type, category_id, category_source, category_reason, date, note, payee_id, search)
    overriding system value
    select o.user_id, :id, now(), now(), :title, :title_en, :amount, :currency, :kind, :category_id, :source, null, :today::text::date, null, null, :search
    from o
)
select from o;
