//! Rows that cannot be taken over as they are, found before anything is written.

use std::fmt;

use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::format::{count, grouped};
use super::options::Repairs;
use super::sql::BLANKS;
use crate::features::auth::MAX_NAME;
use crate::features::transactions::{MAX_NOTE, MAX_TITLE};

/// The maximum number of ids that are listed.
pub const SHOWN_IDS: i64 = 20;

/// Rows with the same problem.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The code for scripts.
    pub code: &'static str,
    /// The kind of rows: users or transactions.
    pub what: &'static str,
    /// The problem.
    pub problem: String,
    /// The remedy.
    pub remedy: &'static str,
    /// The number of rows.
    pub count: i64,
    /// The first ids, each with the details that are needed to decide.
    pub rows: Vec<(i64, Option<String>)>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = self.what.strip_suffix('s').unwrap_or(self.what);
        write!(formatter, "{}: {}\n    ", count(self.count, one, self.what), self.problem)?;
        for (index, (id, more)) in self.rows.iter().enumerate() {
            match more {
                Some(more) => write!(formatter, "{}{id} ({more})", if index == 0 { "" } else { "\n    " })?,
                None => write!(formatter, "{}{id}", if index == 0 { "id " } else { ", " })?,
            }
        }
        let more = self.count - i64::try_from(self.rows.len()).unwrap_or(i64::MAX);
        if more > 0 {
            write!(formatter, " and {} more", grouped(&more.to_string()))?;
        }
        write!(formatter, "\n    {}", self.remedy)
    }
}

/// A check for rows with a problem.
struct RefusalRule {
    code: &'static str,
    what: &'static str,
    problem: String,
    remedy: &'static str,
    /// A select of `id` and `more` (details, or null).
    select: String,
}

/// Runs all checks.
pub(super) async fn find(connection: &mut PgConnection, repairs: Repairs) -> Result<Vec<Refusal>, sqlx::Error> {
    let mut found = Vec::new();
    for RefusalRule { code, what, problem, remedy, select } in users(repairs).into_iter().chain(transactions(repairs)) {
        let query = format!(
            "
            with found as materialized ({select})
            select f.*, (select count(*) from found) as all_of_them
            from (select id::bigint as id, more from found order by 1, 2 limit {SHOWN_IDS}) f
            "
        );
        let rows = sqlx::raw_sql(AssertSqlSafe(query)).fetch_all(&mut *connection).await?;
        let Some(first) = rows.first() else { continue };
        let count = first.try_get("all_of_them")?;
        let rows: Result<Vec<_>, sqlx::Error> =
            rows.iter().map(|row| Ok((row.try_get("id")?, row.try_get("more")?))).collect();
        found.push(Refusal { code, what, problem, remedy, count, rows: rows? });
    }
    Ok(found)
}

const FIX: &str = "fix them in the original";
const FIX_OR_CUT: &str = "fix them in the original, or use --long cut, which keeps the full text in the note";
const GIVE_ADDRESS: &str =
    "give them new addresses in a file with lines such as `7,new.address@example.com`, and pass it with --emails";

fn users(repairs: Repairs) -> Vec<RefusalRule> {
    let mut rules = vec![
        RefusalRule {
            code: "twin_addresses",
            what: "users",
            problem: "their addresses are the same here, because case is ignored".to_owned(),
            remedy: "decide who keeps it: give the other one a new address in a file with lines such as \
                 `7,new.address@example.com`, and pass it with --emails",
            select: "
                select
                    u.id,
                    regexp_replace(case when u.given then u.email else left(o.email, 254) end, '[[:cntrl:]]', '?', 'g') || ', ' || coalesce(t.rows, 0) || ' transactions, last day ' || coalesce(t.last::text, 'none')
                    as more
                from take_over_users u
                join original_users o on o.id = u.id
                left join (
                    select user_id, count(*) as rows, max(day_there) as last from take_over_rows group by user_id
                ) t on t.user_id = u.id
                where u.email in (select email from take_over_users group by email having count(*) > 1)"
                .to_owned(),
        },
        RefusalRule {
            code: "no_address",
            what: "users",
            problem: "their address is not valid, so nobody could sign in with it".to_owned(),
            remedy: GIVE_ADDRESS,
            select: "select id, null as more from take_over_users where email is null".to_owned(),
        },
        RefusalRule {
            code: "costly_hash",
            what: "users",
            // A failed sign-in takes as long as the most expensive hash of any user.
            problem: "their password hashes take too long to check, or are of a kind that the original never \
                 creates".to_owned(),
            remedy: "replace them in the original by bcrypt hashes with a cost of 4 to 14",
            select: r"
                select id, null as more from original_users
                where hash_kind(password) !~ '^\$2[a-z]?\$(0[4-9]|1[0-4])$'"
                .to_owned(),
        },
        RefusalRule {
            code: "instant_out_of_range",
            what: "users",
            problem: "their createdAt or updatedAt is not in the years 1 to 9999".to_owned(),
            remedy: FIX,
            select: r#"
                select id, null as more from original_users
                where not ("createdAt" >= '0001-01-01' and "createdAt" < '10000-01-01')
                    or not ("updatedAt" >= '0001-01-01' and "updatedAt" < '10000-01-01')"#
                .to_owned(),
        },
    ];
    if !repairs.cut_long {
        rules.push(RefusalRule {
            code: "long_name",
            what: "users",
            problem: format!("their names have more than {MAX_NAME} characters"),
            remedy: "fix them in the original, or use --long cut; the cut part of a name is lost",
            select: format!("select id, null as more from take_over_users where char_length(name) > {MAX_NAME}"),
        });
    }
    rules
}

fn transactions(repairs: Repairs) -> Vec<RefusalRule> {
    let rule = |code, problem: String, remedy, condition: String| RefusalRule {
        code,
        what: "transactions",
        problem,
        remedy,
        select: format!("select t.id, null as more from original_transactions t where {condition}"),
    };
    let long = |column: &str| format!("char_length(btrim(t.{column}, {BLANKS}))");
    let (title, title_en, category) = (long("title"), long("\"titleEn\""), long("category"));
    let of_long_category = r#"
        exists (
            select from take_over_written w join take_over_names n using (n)
            where n.is_long and w.user_id = t."userId" and w.category = t.category
        )"#;
    let mut rules = vec![
        rule(
            "no_user",
            "they belong to a user who does not exist".to_owned(),
            FIX,
            r#"not exists (select from original_users u where u.id = t."userId")"#.to_owned(),
        ),
        RefusalRule {
            code: "day_out_of_range",
            what: "transactions",
            problem: "their day is not in the years 1 to 9999".to_owned(),
            remedy: FIX,
            select: "select id, null as more from take_over_rows where day not between '0001-01-01' and '9999-12-31'"
                .to_owned(),
        },
    ];
    if !repairs.skip_zero {
        let remedy = "leave them out with --zero skip, or fix them in the original";
        rules.push(rule("zero", "their amount is 0".to_owned(), remedy, "t.amount = 0".to_owned()));
    }
    if !repairs.flip_negative {
        let remedy = "turn such expenses into income and the reverse with --negative flip, which leaves the balance \
             as it is; or fix them in the original";
        rules.push(rule("negative", "their amount is negative".to_owned(), remedy, "t.amount < 0".to_owned()));
    }
    if repairs.cut_long {
        let part = |length: &str, most: usize| format!("case when {length} > {most} then {length} + 1 else 0 end");
        let whole = [part(&title, MAX_TITLE), part(&title_en, MAX_TITLE), part(&category, 100)].join(" + ");
        rules.push(rule(
            "too_long_for_a_note",
            format!("their texts have more than {MAX_NOTE} characters, too many for a note"),
            FIX,
            // Texts are read a little beyond the length of a note, including leading white space.
            format!(
                "{whole} - 1 > {MAX_NOTE} or char_length(t.title) > {MAX_NOTE} or char_length(t.\"titleEn\") > {MAX_NOTE} or \
                 char_length(t.category) > {MAX_NOTE}"
            ),
        ));
    } else {
        rules.push(rule(
            "long_title",
            format!("their title or English title has more than {MAX_TITLE} characters"),
            FIX_OR_CUT,
            format!("{title} > {MAX_TITLE} or {title_en} > {MAX_TITLE}"),
        ));
        rules.push(rule(
            "long_category",
            "the name of their category has more than 100 characters".to_owned(),
            FIX_OR_CUT,
            of_long_category.to_owned(),
        ));
    }
    rules
}
