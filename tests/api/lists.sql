-- The statements of pages of transactions, of each kind, as they are sent. COLUMNS are those of
-- src/features/transactions/store.rs, LOOKED_AT those of list_store.rs beside it.
-- The opposite order has `asc` for `desc`, `>` for `<` and `<=` for `>=`. The first page begins after a place where no row is,
-- so that it has the statement of all pages. $1 is always the user.

-- GET /api/transactions?limit=20&sort=-date
select COLUMNS
from (
    select t.*
    from transactions t
    where t.user_id = $1 and (t.date, t.id) < ($2, $3) and t.date >= $4
    order by t.date desc, t.id desc limit $5
) t
join categories c on c.user_id = $1 and c.id = t.category_id
left join payees p on p.user_id = $1 and p.id = t.payee_id
order by t.date desc, t.id desc limit 21;

-- GET /api/transactions?limit=20&sort=-date&minAmount=5&maxAmount=90
select COLUMNS
from (
    with near as materialized (
        select t.id
        from (
            select LOOKED_AT
            from transactions t
            where t.user_id = $1 and (t.date, t.id) < ($2, $3) and t.date >= $4
            order by t.date desc, t.id desc limit (select $7::bigint)
        ) t
        where t.amount between $5 and $6
        order by t.date desc, t.id desc limit 21
    ), seen as materialized (
        select count(*) >= $7 as goes_on
        from (
            select t.id
            from transactions t
            where t.user_id = $1 and (t.date, t.id) < ($2, $3) and t.date >= $4
            order by t.date desc, t.id desc limit (select $7::bigint)
        ) t
    ), far as materialized (
        select t.id, t.date, t.amount
        from transactions t
        where t.user_id = $1 and t.amount between $5 and $6
    )
    select near.id
    from near
    union (
        select t.id
        from far t
        where (select count(*) from near) < 21 and (select goes_on from seen) and (t.date, t.id) < ($2, $3) and t.date >= $4
        order by t.date desc, t.id desc limit 21
    )
) s
join transactions t on t.user_id = $1 and t.id = s.id
join categories c on c.user_id = $1 and c.id = t.category_id
left join payees p on p.user_id = $1 and p.id = t.payee_id
order by t.date desc, t.id desc limit 21;

-- GET /api/transactions?limit=20&sort=-date&type=EXPENSE
select COLUMNS
from (
    select t.id
    from unnest(array(
        select c.id
        from categories c
        where c.user_id = $1 and c.kind = $5
    )) as e (id)
    cross join lateral (
        select t.*
        from transactions t
        where t.user_id = $1 and t.category_id = e.id and (t.date, t.id) < ($2, $3) and t.date >= $4
        order by t.date desc, t.id desc limit $6
    ) t
    order by t.date desc, t.id desc limit $6
) s
join transactions t on t.user_id = $1 and t.id = s.id
join categories c on c.user_id = $1 and c.id = t.category_id
left join payees p on p.user_id = $1 and p.id = t.payee_id
order by t.date desc, t.id desc limit 21;

-- GET /api/transactions?limit=20&sort=-date&category=c1
select COLUMNS
from (
    select t.id
    from unnest($5::bigint[]) as e (id)
    cross join lateral (
        select t.*
        from transactions t
        where t.user_id = $1 and t.category_id = e.id and (t.date, t.id) < ($2, $3) and t.date >= $4
        order by t.date desc, t.id desc limit $6
    ) t
    order by t.date desc, t.id desc limit $6
) s
join transactions t on t.user_id = $1 and t.id = s.id
join categories c on c.user_id = $1 and c.id = t.category_id
left join payees p on p.user_id = $1 and p.id = t.payee_id
order by t.date desc, t.id desc limit 21;

-- GET /api/transactions?limit=20&sort=-date&payee=p1
select COLUMNS
from (
    select t.*
    from transactions t
    where t.user_id = $1 and t.payee_id = $5 and (t.date, t.id) < ($2, $3) and t.date >= $4
    order by t.date desc, t.id desc limit $6
) t
join categories c on c.user_id = $1 and c.id = t.category_id
left join payees p on p.user_id = $1 and p.id = t.payee_id
order by t.date desc, t.id desc limit 21;

-- GET /api/transactions?limit=20&sort=-date&currency=THB
select COLUMNS
from (
    select t.*
    from transactions t
    where t.user_id = $1 and t.currency = $5 and (t.date, t.id) < ($2, $3) and t.date >= $4
    order by t.date desc, t.id desc limit $6
) t
join categories c on c.user_id = $1 and c.id = t.category_id
left join payees p on p.user_id = $1 and p.id = t.payee_id
order by t.date desc, t.id desc limit 21;

-- GET /api/transactions?limit=20&sort=-date&tag=a
select COLUMNS
from (
    select l.transaction_id as id
    from transaction_tags l
    where l.user_id = $1 and l.tag_id = $5 and (l.date, l.transaction_id) < ($2, $3) and l.date >= $4
    order by l.date desc, l.transaction_id desc limit $6
) s
join transactions t on t.user_id = $1 and t.id = s.id
join categories c on c.user_id = $1 and c.id = t.category_id
left join payees p on p.user_id = $1 and p.id = t.payee_id
order by t.date desc, t.id desc limit 21;

-- GET /api/transactions?limit=20&sort=-date&q=coffee
select COLUMNS
from (
    with near as materialized (
        select t.id
        from (
            select LOOKED_AT
            from transactions t
            where t.user_id = $1 and (t.date, t.id) < ($2, $3) and t.date >= $4
            order by t.date desc, t.id desc limit (select $7::bigint)
        ) t
        where (t.search like $5)
        order by t.date desc, t.id desc limit 21
    ), seen as materialized (
        select count(*) >= $7 as goes_on
        from (
            select t.id
            from transactions t
            where t.user_id = $1 and (t.date, t.id) < ($2, $3) and t.date >= $4
            order by t.date desc, t.id desc limit (select $7::bigint)
        ) t
    ), far as materialized (
        select t.id, t.date, t.amount
        from transactions t
        where t.user_id = $1 and (t.search like $5) and search_grams (t.user_id, t.search) @@ $6::text::tsquery
    )
    select near.id
    from near
    union (
        select t.id
        from far t
        where (select count(*) from near) < 21 and (select goes_on from seen) and (t.date, t.id) < ($2, $3) and t.date >= $4
        order by t.date desc, t.id desc limit 21
    )
) s
join transactions t on t.user_id = $1 and t.id = s.id
join categories c on c.user_id = $1 and c.id = t.category_id
left join payees p on p.user_id = $1 and p.id = t.payee_id
order by t.date desc, t.id desc limit 21;

-- GET /api/transactions?limit=20&sort=-date&type=EXPENSE&payee=p1
select COLUMNS
from (
    with near as materialized (
        select t.id
        from (
            select LOOKED_AT
            from transactions t
            where t.user_id = $1 and (t.date, t.id) < ($2, $3) and t.date >= $4
            order by t.date desc, t.id desc limit (select $7::bigint)
        ) t
        where t.type = $5 and t.payee_id = $6
        order by t.date desc, t.id desc limit 21
    ), seen as materialized (
        select count(*) >= $7 as goes_on
        from (
            select t.id
            from transactions t
            where t.user_id = $1 and (t.date, t.id) < ($2, $3) and t.date >= $4
            order by t.date desc, t.id desc limit (select $7::bigint)
        ) t
    ), far as materialized (
        select t.id, t.date, t.amount
        from transactions t
        where t.user_id = $1 and t.type = $5 and t.category_id = any (array(
            select c.id
            from categories c
            where c.user_id = $1 and c.kind = $5
        )) and t.payee_id = $6
    )
    select near.id
    from near
    union (
        select t.id
        from far t
        where (select count(*) from near) < 21 and (select goes_on from seen) and (t.date, t.id) < ($2, $3) and t.date >= $4
        order by t.date desc, t.id desc limit 21
    )
) s
join transactions t on t.user_id = $1 and t.id = s.id
join categories c on c.user_id = $1 and c.id = t.category_id
left join payees p on p.user_id = $1 and p.id = t.payee_id
order by t.date desc, t.id desc limit 21;

-- GET /api/transactions?limit=20&sort=-date&q=coffee&category=c1
select COLUMNS
from (
    with near as materialized (
        select t.id
        from (
            select LOOKED_AT
            from transactions t
            where t.user_id = $1 and (t.date, t.id) < ($2, $3) and t.date >= $4
            order by t.date desc, t.id desc limit (select $8::bigint)
        ) t
        where t.category_id = any ($5) and (t.search like $6)
        order by t.date desc, t.id desc limit 21
    ), seen as materialized (
        select count(*) >= $8 as goes_on
        from (
            select t.id
            from transactions t
            where t.user_id = $1 and (t.date, t.id) < ($2, $3) and t.date >= $4
            order by t.date desc, t.id desc limit (select $8::bigint)
        ) t
    ), far as materialized (
        select t.id, t.date, t.amount
        from (
            select t.*
            from transactions t
            where t.user_id = $1 and (t.search like $6) and search_grams (t.user_id, t.search) @@ $7::text::tsquery offset 0
        ) t
        where t.user_id = $1 and t.category_id = any ($5)
    ), other as materialized (
        select t.id, t.date, t.amount
        from transactions t
        where t.user_id = $1 and t.category_id = any ($5) and (t.search like $6)
    ), choice as materialized (
        select count(*) filter (where (t.search like $6)) <= count(*) filter (where t.category_id = any ($5)) as by_words
        from (
            select LOOKED_AT
            from transactions t
            where t.user_id = $1 and (t.date, t.id) < ($2, $3) and t.date >= $4
            order by t.date desc, t.id desc limit (select $8 / 5::bigint)
        ) t
    )
    select near.id
    from near
    union (
        select t.id
        from far t
        where (select count(*) from near) < 21 and (select goes_on from seen) and (select by_words from choice) and (t.date, t.id) < ($2, $3) and t.date >= $4
        order by t.date desc, t.id desc limit 21
    )
    union (
        select t.id
        from other t
        where (select count(*) from near) < 21 and (select goes_on from seen) and not (select by_words from choice) and (t.date, t.id) < ($2, $3) and t.date >= $4
        order by t.date desc, t.id desc limit 21
    )
) s
join transactions t on t.user_id = $1 and t.id = s.id
join categories c on c.user_id = $1 and c.id = t.category_id
left join payees p on p.user_id = $1 and p.id = t.payee_id
order by t.date desc, t.id desc limit 21;

-- GET /api/transactions?limit=20&sort=-date&q=coffee+bread&tag=a&currency=THB
select COLUMNS
from (
    with near as materialized (
        select t.id
        from (
            select LOOKED_AT
            from transactions t
            where t.user_id = $1 and (t.date, t.id) < ($2, $3) and t.date >= $4
            order by t.date desc, t.id desc limit (select $11::bigint)
        ) t
        where t.currency = $5 and (
            select l.tag_id
            from transaction_tags l
            where l.user_id = $1 and l.transaction_id = t.id and l.tag_id = $6
        ) is not null and (t.search like $7) and (t.search like $9)
        order by t.date desc, t.id desc limit 21
    ), seen as materialized (
        select count(*) >= $11 as goes_on
        from (
            select t.id
            from transactions t
            where t.user_id = $1 and (t.date, t.id) < ($2, $3) and t.date >= $4
            order by t.date desc, t.id desc limit (select $11::bigint)
        ) t
    ), far as materialized (
        select t.id, t.date, t.amount
        from (
            select t.*
            from transactions t
            where t.user_id = $1 and (t.search like $7) and search_grams (t.user_id, t.search) @@ $8::text::tsquery and (t.search like $9) and search_grams (t.user_id, t.search) @@ $10::text::tsquery offset 0
        ) t
        where t.user_id = $1 and t.currency between $5 and $5 and exists (
            select
            from transaction_tags l
            where l.user_id = $1 and l.transaction_id = t.id and l.tag_id = $6
        )
    ), other as materialized (
        select t.id, t.date, t.amount
        from transactions t
        where t.user_id = $1 and t.currency between $5 and $5 and exists (
            select
            from transaction_tags l
            where l.user_id = $1 and l.transaction_id = t.id and l.tag_id = $6
        ) and (t.search like $7) and (t.search like $9)
    ), choice as materialized (
        select count(*) filter (where (t.search like $7) and (t.search like $9)) <= count(*) filter (where t.currency = $5 and (
            select l.tag_id
            from transaction_tags l
            where l.user_id = $1 and l.transaction_id = t.id and l.tag_id = $6
        ) is not null) as by_words
        from (
            select LOOKED_AT
            from transactions t
            where t.user_id = $1 and (t.date, t.id) < ($2, $3) and t.date >= $4
            order by t.date desc, t.id desc limit (select $11 / 5::bigint)
        ) t
    )
    select near.id
    from near
    union (
        select t.id
        from far t
        where (select count(*) from near) < 21 and (select goes_on from seen) and (select by_words from choice) and (t.date, t.id) < ($2, $3) and t.date >= $4
        order by t.date desc, t.id desc limit 21
    )
    union (
        select t.id
        from other t
        where (select count(*) from near) < 21 and (select goes_on from seen) and not (select by_words from choice) and (t.date, t.id) < ($2, $3) and t.date >= $4
        order by t.date desc, t.id desc limit 21
    )
) s
join transactions t on t.user_id = $1 and t.id = s.id
join categories c on c.user_id = $1 and c.id = t.category_id
left join payees p on p.user_id = $1 and p.id = t.payee_id
order by t.date desc, t.id desc limit 21;

-- GET /api/transactions?limit=20&sort=-amount
select COLUMNS
from (
    select t.*
    from transactions t
    where t.user_id = $1 and (t.amount, t.id) < ($2, $3) and t.amount >= $4
    order by t.amount desc, t.id desc limit $5
) t
join categories c on c.user_id = $1 and c.id = t.category_id
left join payees p on p.user_id = $1 and p.id = t.payee_id
order by t.amount desc, t.id desc limit 21;

-- GET /api/transactions?limit=20&sort=-amount&startDate=2026-01-05&endDate=2026-01-20
select COLUMNS
from (
    with near as materialized (
        select t.id
        from (
            select LOOKED_AT
            from transactions t
            where t.user_id = $1 and (t.amount, t.id) < ($2, $3) and t.amount >= $4
            order by t.amount desc, t.id desc limit (select $7::bigint)
        ) t
        where t.date between $5 and $6
        order by t.amount desc, t.id desc limit 21
    ), seen as materialized (
        select count(*) >= $7 as goes_on
        from (
            select t.id
            from transactions t
            where t.user_id = $1 and (t.amount, t.id) < ($2, $3) and t.amount >= $4
            order by t.amount desc, t.id desc limit (select $7::bigint)
        ) t
    ), far as materialized (
        select t.id, t.date, t.amount
        from transactions t
        where t.user_id = $1 and t.date between $5 and $6
    )
    select near.id
    from near
    union (
        select t.id
        from far t
        where (select count(*) from near) < 21 and (select goes_on from seen) and (t.amount, t.id) < ($2, $3) and t.amount >= $4
        order by t.amount desc, t.id desc limit 21
    )
) s
join transactions t on t.user_id = $1 and t.id = s.id
join categories c on c.user_id = $1 and c.id = t.category_id
left join payees p on p.user_id = $1 and p.id = t.payee_id
order by t.amount desc, t.id desc limit 21;

-- GET /api/transactions?limit=20&sort=-amount&type=EXPENSE
select COLUMNS
from (
    with near as materialized (
        select t.id
        from (
            select LOOKED_AT
            from transactions t
            where t.user_id = $1 and (t.amount, t.id) < ($2, $3) and t.amount >= $4
            order by t.amount desc, t.id desc limit (select $6::bigint)
        ) t
        where t.type = $5
        order by t.amount desc, t.id desc limit 21
    ), seen as materialized (
        select count(*) >= $6 as goes_on
        from (
            select t.id
            from transactions t
            where t.user_id = $1 and (t.amount, t.id) < ($2, $3) and t.amount >= $4
            order by t.amount desc, t.id desc limit (select $6::bigint)
        ) t
    ), far as materialized (
        select t.id, t.date, t.amount
        from transactions t
        where t.user_id = $1 and t.type = $5 and t.category_id = any (array(
            select c.id
            from categories c
            where c.user_id = $1 and c.kind = $5
        ))
    )
    select near.id
    from near
    union (
        select t.id
        from far t
        where (select count(*) from near) < 21 and (select goes_on from seen) and (t.amount, t.id) < ($2, $3) and t.amount >= $4
        order by t.amount desc, t.id desc limit 21
    )
) s
join transactions t on t.user_id = $1 and t.id = s.id
join categories c on c.user_id = $1 and c.id = t.category_id
left join payees p on p.user_id = $1 and p.id = t.payee_id
order by t.amount desc, t.id desc limit 21;

-- GET /api/transactions?limit=20&sort=-amount&category=c1
select COLUMNS
from (
    with near as materialized (
        select t.id
        from (
            select LOOKED_AT
            from transactions t
            where t.user_id = $1 and (t.amount, t.id) < ($2, $3) and t.amount >= $4
            order by t.amount desc, t.id desc limit (select $6::bigint)
        ) t
        where t.category_id = any ($5)
        order by t.amount desc, t.id desc limit 21
    ), seen as materialized (
        select count(*) >= $6 as goes_on
        from (
            select t.id
            from transactions t
            where t.user_id = $1 and (t.amount, t.id) < ($2, $3) and t.amount >= $4
            order by t.amount desc, t.id desc limit (select $6::bigint)
        ) t
    ), far as materialized (
        select t.id, t.date, t.amount
        from transactions t
        where t.user_id = $1 and t.category_id = any ($5)
    )
    select near.id
    from near
    union (
        select t.id
        from far t
        where (select count(*) from near) < 21 and (select goes_on from seen) and (t.amount, t.id) < ($2, $3) and t.amount >= $4
        order by t.amount desc, t.id desc limit 21
    )
) s
join transactions t on t.user_id = $1 and t.id = s.id
join categories c on c.user_id = $1 and c.id = t.category_id
left join payees p on p.user_id = $1 and p.id = t.payee_id
order by t.amount desc, t.id desc limit 21;

-- GET /api/transactions?limit=20&sort=-amount&payee=p1
select COLUMNS
from (
    with near as materialized (
        select t.id
        from (
            select LOOKED_AT
            from transactions t
            where t.user_id = $1 and (t.amount, t.id) < ($2, $3) and t.amount >= $4
            order by t.amount desc, t.id desc limit (select $6::bigint)
        ) t
        where t.payee_id = $5
        order by t.amount desc, t.id desc limit 21
    ), seen as materialized (
        select count(*) >= $6 as goes_on
        from (
            select t.id
            from transactions t
            where t.user_id = $1 and (t.amount, t.id) < ($2, $3) and t.amount >= $4
            order by t.amount desc, t.id desc limit (select $6::bigint)
        ) t
    ), far as materialized (
        select t.id, t.date, t.amount
        from transactions t
        where t.user_id = $1 and t.payee_id = $5
    )
    select near.id
    from near
    union (
        select t.id
        from far t
        where (select count(*) from near) < 21 and (select goes_on from seen) and (t.amount, t.id) < ($2, $3) and t.amount >= $4
        order by t.amount desc, t.id desc limit 21
    )
) s
join transactions t on t.user_id = $1 and t.id = s.id
join categories c on c.user_id = $1 and c.id = t.category_id
left join payees p on p.user_id = $1 and p.id = t.payee_id
order by t.amount desc, t.id desc limit 21;

-- GET /api/transactions?limit=20&sort=-amount&currency=THB
select COLUMNS
from (
    with near as materialized (
        select t.id
        from (
            select LOOKED_AT
            from transactions t
            where t.user_id = $1 and (t.amount, t.id) < ($2, $3) and t.amount >= $4
            order by t.amount desc, t.id desc limit (select $6::bigint)
        ) t
        where t.currency = $5
        order by t.amount desc, t.id desc limit 21
    ), seen as materialized (
        select count(*) >= $6 as goes_on
        from (
            select t.id
            from transactions t
            where t.user_id = $1 and (t.amount, t.id) < ($2, $3) and t.amount >= $4
            order by t.amount desc, t.id desc limit (select $6::bigint)
        ) t
    ), far as materialized (
        select t.id, t.date, t.amount
        from transactions t
        where t.user_id = $1 and t.currency between $5 and $5
    )
    select near.id
    from near
    union (
        select t.id
        from far t
        where (select count(*) from near) < 21 and (select goes_on from seen) and (t.amount, t.id) < ($2, $3) and t.amount >= $4
        order by t.amount desc, t.id desc limit 21
    )
) s
join transactions t on t.user_id = $1 and t.id = s.id
join categories c on c.user_id = $1 and c.id = t.category_id
left join payees p on p.user_id = $1 and p.id = t.payee_id
order by t.amount desc, t.id desc limit 21;

-- GET /api/transactions?limit=20&sort=-amount&tag=a
select COLUMNS
from (
    select l.transaction_id as id
    from transaction_tags l
    where l.user_id = $1 and l.tag_id = $5 and (l.amount, l.transaction_id) < ($2, $3) and l.amount >= $4
    order by l.amount desc, l.transaction_id desc limit $6
) s
join transactions t on t.user_id = $1 and t.id = s.id
join categories c on c.user_id = $1 and c.id = t.category_id
left join payees p on p.user_id = $1 and p.id = t.payee_id
order by t.amount desc, t.id desc limit 21;

-- GET /api/transactions?limit=20&sort=-amount&q=coffee
select COLUMNS
from (
    with near as materialized (
        select t.id
        from (
            select LOOKED_AT
            from transactions t
            where t.user_id = $1 and (t.amount, t.id) < ($2, $3) and t.amount >= $4
            order by t.amount desc, t.id desc limit (select $7::bigint)
        ) t
        where (t.search like $5)
        order by t.amount desc, t.id desc limit 21
    ), seen as materialized (
        select count(*) >= $7 as goes_on
        from (
            select t.id
            from transactions t
            where t.user_id = $1 and (t.amount, t.id) < ($2, $3) and t.amount >= $4
            order by t.amount desc, t.id desc limit (select $7::bigint)
        ) t
    ), far as materialized (
        select t.id, t.date, t.amount
        from transactions t
        where t.user_id = $1 and (t.search like $5) and search_grams (t.user_id, t.search) @@ $6::text::tsquery
    )
    select near.id
    from near
    union (
        select t.id
        from far t
        where (select count(*) from near) < 21 and (select goes_on from seen) and (t.amount, t.id) < ($2, $3) and t.amount >= $4
        order by t.amount desc, t.id desc limit 21
    )
) s
join transactions t on t.user_id = $1 and t.id = s.id
join categories c on c.user_id = $1 and c.id = t.category_id
left join payees p on p.user_id = $1 and p.id = t.payee_id
order by t.amount desc, t.id desc limit 21;

-- GET /api/transactions?limit=20&sort=-amount&type=EXPENSE&payee=p1
select COLUMNS
from (
    with near as materialized (
        select t.id
        from (
            select LOOKED_AT
            from transactions t
            where t.user_id = $1 and (t.amount, t.id) < ($2, $3) and t.amount >= $4
            order by t.amount desc, t.id desc limit (select $7::bigint)
        ) t
        where t.type = $5 and t.payee_id = $6
        order by t.amount desc, t.id desc limit 21
    ), seen as materialized (
        select count(*) >= $7 as goes_on
        from (
            select t.id
            from transactions t
            where t.user_id = $1 and (t.amount, t.id) < ($2, $3) and t.amount >= $4
            order by t.amount desc, t.id desc limit (select $7::bigint)
        ) t
    ), far as materialized (
        select t.id, t.date, t.amount
        from transactions t
        where t.user_id = $1 and t.type = $5 and t.category_id = any (array(
            select c.id
            from categories c
            where c.user_id = $1 and c.kind = $5
        )) and t.payee_id = $6
    )
    select near.id
    from near
    union (
        select t.id
        from far t
        where (select count(*) from near) < 21 and (select goes_on from seen) and (t.amount, t.id) < ($2, $3) and t.amount >= $4
        order by t.amount desc, t.id desc limit 21
    )
) s
join transactions t on t.user_id = $1 and t.id = s.id
join categories c on c.user_id = $1 and c.id = t.category_id
left join payees p on p.user_id = $1 and p.id = t.payee_id
order by t.amount desc, t.id desc limit 21;

-- GET /api/transactions?limit=20&sort=-amount&q=coffee&category=c1
select COLUMNS
from (
    with near as materialized (
        select t.id
        from (
            select LOOKED_AT
            from transactions t
            where t.user_id = $1 and (t.amount, t.id) < ($2, $3) and t.amount >= $4
            order by t.amount desc, t.id desc limit (select $8::bigint)
        ) t
        where t.category_id = any ($5) and (t.search like $6)
        order by t.amount desc, t.id desc limit 21
    ), seen as materialized (
        select count(*) >= $8 as goes_on
        from (
            select t.id
            from transactions t
            where t.user_id = $1 and (t.amount, t.id) < ($2, $3) and t.amount >= $4
            order by t.amount desc, t.id desc limit (select $8::bigint)
        ) t
    ), far as materialized (
        select t.id, t.date, t.amount
        from (
            select t.*
            from transactions t
            where t.user_id = $1 and (t.search like $6) and search_grams (t.user_id, t.search) @@ $7::text::tsquery offset 0
        ) t
        where t.user_id = $1 and t.category_id = any ($5)
    ), other as materialized (
        select t.id, t.date, t.amount
        from transactions t
        where t.user_id = $1 and t.category_id = any ($5) and (t.search like $6)
    ), choice as materialized (
        select count(*) filter (where (t.search like $6)) <= count(*) filter (where t.category_id = any ($5)) as by_words
        from (
            select LOOKED_AT
            from transactions t
            where t.user_id = $1 and (t.amount, t.id) < ($2, $3) and t.amount >= $4
            order by t.amount desc, t.id desc limit (select $8 / 5::bigint)
        ) t
    )
    select near.id
    from near
    union (
        select t.id
        from far t
        where (select count(*) from near) < 21 and (select goes_on from seen) and (select by_words from choice) and (t.amount, t.id) < ($2, $3) and t.amount >= $4
        order by t.amount desc, t.id desc limit 21
    )
    union (
        select t.id
        from other t
        where (select count(*) from near) < 21 and (select goes_on from seen) and not (select by_words from choice) and (t.amount, t.id) < ($2, $3) and t.amount >= $4
        order by t.amount desc, t.id desc limit 21
    )
) s
join transactions t on t.user_id = $1 and t.id = s.id
join categories c on c.user_id = $1 and c.id = t.category_id
left join payees p on p.user_id = $1 and p.id = t.payee_id
order by t.amount desc, t.id desc limit 21;

-- GET /api/transactions?limit=20&sort=-amount&q=coffee+bread&tag=a&currency=THB
select COLUMNS
from (
    with near as materialized (
        select t.id
        from (
            select LOOKED_AT
            from transactions t
            where t.user_id = $1 and (t.amount, t.id) < ($2, $3) and t.amount >= $4
            order by t.amount desc, t.id desc limit (select $11::bigint)
        ) t
        where t.currency = $5 and (
            select l.tag_id
            from transaction_tags l
            where l.user_id = $1 and l.transaction_id = t.id and l.tag_id = $6
        ) is not null and (t.search like $7) and (t.search like $9)
        order by t.amount desc, t.id desc limit 21
    ), seen as materialized (
        select count(*) >= $11 as goes_on
        from (
            select t.id
            from transactions t
            where t.user_id = $1 and (t.amount, t.id) < ($2, $3) and t.amount >= $4
            order by t.amount desc, t.id desc limit (select $11::bigint)
        ) t
    ), far as materialized (
        select t.id, t.date, t.amount
        from (
            select t.*
            from transactions t
            where t.user_id = $1 and (t.search like $7) and search_grams (t.user_id, t.search) @@ $8::text::tsquery and (t.search like $9) and search_grams (t.user_id, t.search) @@ $10::text::tsquery offset 0
        ) t
        where t.user_id = $1 and t.currency between $5 and $5 and exists (
            select
            from transaction_tags l
            where l.user_id = $1 and l.transaction_id = t.id and l.tag_id = $6
        )
    ), other as materialized (
        select t.id, t.date, t.amount
        from transactions t
        where t.user_id = $1 and t.currency between $5 and $5 and exists (
            select
            from transaction_tags l
            where l.user_id = $1 and l.transaction_id = t.id and l.tag_id = $6
        ) and (t.search like $7) and (t.search like $9)
    ), choice as materialized (
        select count(*) filter (where (t.search like $7) and (t.search like $9)) <= count(*) filter (where t.currency = $5 and (
            select l.tag_id
            from transaction_tags l
            where l.user_id = $1 and l.transaction_id = t.id and l.tag_id = $6
        ) is not null) as by_words
        from (
            select LOOKED_AT
            from transactions t
            where t.user_id = $1 and (t.amount, t.id) < ($2, $3) and t.amount >= $4
            order by t.amount desc, t.id desc limit (select $11 / 5::bigint)
        ) t
    )
    select near.id
    from near
    union (
        select t.id
        from far t
        where (select count(*) from near) < 21 and (select goes_on from seen) and (select by_words from choice) and (t.amount, t.id) < ($2, $3) and t.amount >= $4
        order by t.amount desc, t.id desc limit 21
    )
    union (
        select t.id
        from other t
        where (select count(*) from near) < 21 and (select goes_on from seen) and not (select by_words from choice) and (t.amount, t.id) < ($2, $3) and t.amount >= $4
        order by t.amount desc, t.id desc limit 21
    )
) s
join transactions t on t.user_id = $1 and t.id = s.id
join categories c on c.user_id = $1 and c.id = t.category_id
left join payees p on p.user_id = $1 and p.id = t.payee_id
order by t.amount desc, t.id desc limit 21;
