//! The proof: a comparison of both sides in SQL, inside the transaction that is only committed if the proof holds.

use sqlx::{AssertSqlSafe, FromRow as _, PgConnection, Row as _};

use super::format::grouped;
use super::options::TakeOverRequest;
use super::proof::{Comparison, Examples, Proof};
use super::proof_days::DayReport;
use super::refusal::SHOWN_IDS;
use super::sql::BLANKS;
use super::tables::NextIds;
use crate::features::auth::MAX_NAME;
use crate::features::transactions::MAX_TITLE;

/// Compares both sides.
pub(super) async fn compare(
    connection: &mut PgConnection,
    request: &TakeOverRequest,
    next_ids: NextIds,
    renamed: i64,
) -> Result<Proof, sqlx::Error> {
    let mut proof = Proof {
        checks: Vec::new(),
        users: 0,
        transactions: 0,
        skipped: examples(connection, "select id::text, id as place from original_transactions where amount = 0").await?,
        flipped: examples(connection, "select id::text, id as place from original_transactions where amount < 0").await?,
        cut: examples(connection, "select id::text, id as place from transactions where note is not null").await?,
        renamed,
        spellings: examples(connection, SPELLINGS).await?,
        cannot_sign_in: examples(
            connection,
            r"select id::text, id as place from users where password_hash !~ '^\$2[aby]\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}$'",
        )
        .await?,
        other_addresses: examples(
            connection,
            "select id::text || ' ' || email, id as place from take_over_users where given",
        )
        .await?,
        days: DayReport::read(connection, request).await?,
    };
    compare_users(connection, &mut proof).await?;
    compare_sums(connection, request, &mut proof).await?;
    compare_rows(connection, request, &mut proof).await?;
    compare_groups(connection, &mut proof).await?;
    compare_next_ids(connection, next_ids, &mut proof).await?;
    Ok(proof)
}

const SPELLINGS: &str = "
select
    'user ' || c.user_id || ', ' || c.kind || ': ' || string_agg(format('%s (%s)', s.name, s.rows), ', ' order by s.rows desc, s.name)
        || ' -> ' || c.name,
    min(c.first_id) as place
from take_over_chosen c
join (
    select w.user_id, w.kind, name_key(n.name) as key, n.name, sum(w.rows) as rows
    from take_over_written w
    join take_over_names n using (n)
    group by w.user_id, w.kind, n.name
) s using (user_id, kind, key)
group by c.user_id, c.kind, c.key, c.name
having count(*) > 1";

async fn examples(connection: &mut PgConnection, select: &str) -> Result<Examples, sqlx::Error> {
    let query = format!(
        "
        with found (words, place) as materialized ({select})
        select words, (select count(*) from found) from found order by place, words limit {SHOWN_IDS}
        "
    );
    let rows: Vec<(String, i64)> = sqlx::query_as(AssertSqlSafe(query)).fetch_all(connection).await?;
    Ok(Examples {
        count: rows.first().map_or(0, |(_, count)| *count),
        first: rows.into_iter().map(|(words, _)| words).collect(),
    })
}

/// Compares the numbers and the columns of users.
async fn compare_users(connection: &mut PgConnection, proof: &mut Proof) -> Result<(), sqlx::Error> {
    #[derive(sqlx::FromRow)]
    struct UserDifferences {
        original: i64,
        here: i64,
        hashes: i64,
        addresses: i64,
        names: i64,
        instants: i64,
    }
    let query = format!(
        r#"
        select
            (select count(*) from original_users) as original,
            (select count(*) from users) as here,
            count(*) filter (where u.password_hash is distinct from o.password) as hashes,
            count(*) filter (where u.email is distinct from t.email or (not t.given and name_key(u.email) <> name_key(o.email)))
                as addresses,
            count(*) filter (where coalesce(u.name, '') <> {name}) as names,
            count(*) filter (
                where u.created_at is distinct from o."createdAt" at time zone 'UTC'
                    or u.updated_at is distinct from o."updatedAt" at time zone 'UTC'
            ) as instants
        from original_users o
        left join take_over_users t on t.id = o.id
        left join users u on u.id = o.id
        "#,
        name = trimmed("coalesce(o.name, '')", MAX_NAME),
    );
    let row = sqlx::query(AssertSqlSafe(query)).fetch_one(connection).await?;
    let UserDifferences { original, here, hashes, addresses, names, instants } = UserDifferences::from_row(&row)?;
    proof.users = here;
    proof.same("users", "users", original, here);
    proof.none_differ("hashes", "password hashes, byte by byte", original, hashes);
    proof.none_differ("addresses", "addresses, in lower case", original, addresses);
    proof.none_differ("names", "names of users", original, names);
    proof.none_differ("instants", "times of registration", original, instants);
    Ok(())
}

/// The SQL expression for a text as it is stored here.
fn trimmed(text: &str, most: usize) -> String {
    format!("rtrim(left(btrim({text}, {BLANKS}), {most}), {BLANKS})")
}

async fn compare_sums(
    connection: &mut PgConnection,
    request: &TakeOverRequest,
    proof: &mut Proof,
) -> Result<(), sqlx::Error> {
    let query = "
        select
            (select count(*) from original_transactions) as original,
            (select count(*) from transactions) as here,
            (select count(*) from original_transactions where \"titleEn\" is null and amount <> 0) as nulls,
            (select count(*) from transactions where title_en is null) as nulls_here";
    let row = sqlx::query(query).fetch_one(&mut *connection).await?;
    proof.transactions = row.try_get("here")?;
    let original: i64 = row.try_get("original")?;
    proof.same("transactions", "transactions", original - proof.skipped.count, proof.transactions);
    for kind in ["INCOME", "EXPENSE"] {
        let decimals = request.currency.decimals();
        let query = format!(
            "
            select o.rows, round(coalesce(o.sum, 0), {decimals})::text, h.rows, round(coalesce(h.sum, 0), {decimals})::text
            from (select count(*) as rows, sum(amount) as sum from take_over_rows where kind = '{kind}') o
            cross join (select count(*) as rows, sum(amount) as sum from transactions where type = '{kind}') h
            "
        );
        let (rows, sum, rows_here, sum_here): (i64, String, i64, String) =
            sqlx::query_as(AssertSqlSafe(query)).fetch_one(&mut *connection).await?;
        let (code, code_of_sum) = if kind == "INCOME" { ("income", "income_sum") } else { ("expense", "expense_sum") };
        proof.same(code, format!("{kind} rows"), rows, rows_here);
        proof.same(code_of_sum, format!("{kind} {}", request.currency), sum, sum_here);
    }
    let (nulls, nulls_here): (i64, i64) = (row.try_get("nulls")?, row.try_get("nulls_here")?);
    proof.same("title_en_nulls", "transactions without an English title", nulls, nulls_here);
    Ok(())
}

/// Compares transactions row by row, by id.
async fn compare_rows(
    connection: &mut PgConnection,
    request: &TakeOverRequest,
    proof: &mut Proof,
) -> Result<(), sqlx::Error> {
    #[derive(sqlx::FromRow)]
    struct RowDifferences {
        missing: i64,
        extra: i64,
        owners: i64,
        amounts: i64,
        days: i64,
        titles: i64,
        titles_en: i64,
    }
    let query = format!(
        "
        select
            count(*) filter (where t.id is null) as missing,
            count(*) filter (where r.id is null) as extra,
            count(*) filter (where t.user_id <> r.user_id) as owners,
            count(*) filter (where t.amount <> r.amount or t.type <> r.kind or t.currency <> '{currency}') as amounts,
            count(*) filter (where t.date <> r.day) as days,
            count(*) filter (where t.title <> {title}) as titles,
            count(*) filter (where t.title_en is distinct from {title_en} and t.id is not null) as titles_en
        from take_over_rows r
        full join transactions t on t.id = r.id
        ",
        currency = request.currency.code(),
        title = trimmed("r.title", MAX_TITLE),
        title_en = trimmed("r.title_en", MAX_TITLE),
    );
    let row = sqlx::query(AssertSqlSafe(query)).fetch_one(connection).await?;
    let RowDifferences { missing, extra, owners, amounts, days, titles, titles_en } = RowDifferences::from_row(&row)?;
    let all = proof.transactions;
    proof.none_differ("ids", "ids and owners of transactions", all, missing + extra + owners);
    proof.none_differ("amounts", "amounts and types, row by row", all, amounts);
    proof.none_differ("days", "days, row by row", all, days);
    proof.none_differ("titles", "titles, row by row", all - proof.renamed, titles - proof.renamed);
    proof.none_differ("titles_en", "English titles, row by row", all, titles_en);
    Ok(())
}

async fn compare_groups(connection: &mut PgConnection, proof: &mut Proof) -> Result<(), sqlx::Error> {
    const MONTHS: &str = "
        with o as (
            select user_id, kind, date_trunc('month', day) as month, count(*) as rows, sum(amount) as sum
            from take_over_rows
            group by user_id, kind, month
        ), h as (
            select user_id, type as kind, date_trunc('month', date) as month, count(*) as rows, sum(amount) as sum
            from transactions
            group by user_id, kind, month
        )
        select count(*), count(*) filter (where o.rows is distinct from h.rows or o.sum is distinct from h.sum)
        from o full join h using (user_id, kind, month)";
    const CATEGORIES: &str = "
        with w as (
            select user_id, kind, category, count(*) as rows from take_over_rows group by user_id, kind, category
        ), o as (
            select
                user_id,
                kind,
                case
                    when p.is_long then name_key(p.name)
                    when name_key(w.category) = '' then name_key('Other')
                    else name_key(w.category)
                end as key,
                sum(w.rows) as rows
            from w
            left join take_over_places p using (user_id, kind, category)
            group by user_id, kind, key
        ), h as (
            select t.user_id, t.type as kind, name_key(c.name) as key, t.rows
            from (select user_id, type, category_id, count(*) as rows from transactions group by 1, 2, 3) t
            join categories c on c.user_id = t.user_id and c.id = t.category_id
        )
        select count(*), count(*) filter (where o.rows is distinct from h.rows)
        from o full join h using (user_id, kind, key)";
    for (code, what, query) in [
        ("months", "groups of user, type and month: rows and sums", MONTHS),
        ("categories", "groups of user and category: rows", CATEGORIES),
    ] {
        let (groups, differing): (i64, i64) = sqlx::query_as(query).fetch_one(&mut *connection).await?;
        proof.none_differ(code, what, groups, differing);
    }
    Ok(())
}

async fn compare_next_ids(
    connection: &mut PgConnection,
    original: NextIds,
    proof: &mut Proof,
) -> Result<(), sqlx::Error> {
    for (table, code, what, next) in [
        ("users", "next_user_id", "next user id", original.users),
        ("transactions", "next_transaction_id", "next transaction id", original.transactions),
    ] {
        let query =
            format!("select pg_get_serial_sequence('{table}', 'id'), coalesce((select max(id) from {table}), 0)");
        let (sequence, largest): (String, i64) =
            sqlx::query_as(AssertSqlSafe(query)).fetch_one(&mut *connection).await?;
        let query = format!("select last_value + case when is_called then 1 else 0 end from {sequence}");
        let here: i64 = sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut *connection).await?;
        proof.checks.push(Comparison {
            code,
            what: what.to_owned(),
            original: next.map_or_else(|| "not known".to_owned(), |next| grouped(&next.to_string())),
            here: grouped(&here.to_string()),
            holds: here > largest && next.is_none_or(|next| here >= next),
        });
    }
    Ok(())
}
