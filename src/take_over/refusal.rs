//! Rows that cannot be taken as they are, found before one is written.

use std::fmt;

use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::plan::{BLANKS, Mending};
use super::report::{count, grouped};
use crate::features::auth::MAX_NAME;
use crate::features::transactions::{MAX_NOTE, MAX_TITLE};

/// So many ids are shown; of the others only the number.
pub const SHOWN_IDS: i64 = 20;

/// Rows that have the same thing wrong.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// In a word, for scripts.
    pub code: &'static str,
    /// What they are: users or transactions.
    pub what: &'static str,
    /// What is wrong with them.
    pub problem: String,
    /// What to do about it.
    pub remedy: &'static str,
    /// How many there are.
    pub count: i64,
    /// The first of them: an id, with what has to be known to decide.
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

/// What is looked for: of which rows, and what is to be told of each beside its id.
struct Rule {
    code: &'static str,
    what: &'static str,
    problem: String,
    remedy: &'static str,
    /// A select of `id` and `more`.
    select: String,
}

/// Finds all of them; up to 20 of a kind are listed.
pub(super) async fn find(connection: &mut PgConnection, mending: Mending) -> Result<Vec<Refusal>, sqlx::Error> {
    let mut found = Vec::new();
    for Rule { code, what, problem, remedy, select } in users(mending).into_iter().chain(transactions(mending)) {
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

const MEND: &str = "mend them where the original keeps them";
const CUT: &str = "mend them where the original keeps them, or say --long cut, which keeps the whole text in the note";
const ADDRESS: &str =
    "give them an address in a file with lines such as `7,new.address@example.com`, and name it with --emails";

fn users(mending: Mending) -> Vec<Rule> {
    let mut rules = vec![
        Rule {
            code: "twin_addresses",
            what: "users",
            problem: "their addresses are one and the same here, where case does not count".to_owned(),
            remedy: "decide who keeps it: give the other one an address in a file with lines such as \
                     `7,new.address@example.com`, and name it with --emails",
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
        Rule {
            code: "no_address",
            what: "users",
            problem: "what stands for their address is none, so that nobody could sign in with it".to_owned(),
            remedy: ADDRESS,
            select: "select id, null as more from take_over_users where email is null".to_owned(),
        },
        Rule {
            code: "costly_hash",
            what: "users",
            // Whoever types a wrong password has to wait as long as the costliest hash of anybody takes.
            problem: "their passwords' hashes take too long, or are of a kind that the original never made".to_owned(),
            remedy: "put a hash of bcrypt with a cost of 4 to 14 in their place where the original keeps them",
            select: r"
                select id, null as more from original_users
                where hash_kind(password) !~ '^\$2[a-z]?\$(0[4-9]|1[0-4])$'"
                .to_owned(),
        },
        Rule {
            code: "instant_out_of_range",
            what: "users",
            problem: "their createdAt or updatedAt is not of the years 1 to 9999".to_owned(),
            remedy: MEND,
            select: r#"
                select id, null as more from original_users
                where not ("createdAt" >= '0001-01-01' and "createdAt" < '9999-12-31')
                    or not ("updatedAt" >= '0001-01-01' and "updatedAt" < '9999-12-31')"#
                .to_owned(),
        },
    ];
    if !mending.cut_long {
        rules.push(Rule {
            code: "long_name",
            what: "users",
            problem: format!("their names have more than {MAX_NAME} characters"),
            remedy: "mend them where the original keeps them, or say --long cut; what is cut of a name is kept nowhere here",
            select: format!("select id, null as more from take_over_users where char_length(name) > {MAX_NAME}"),
        });
    }
    rules
}

fn transactions(mending: Mending) -> Vec<Rule> {
    let rule = |code, problem: String, remedy, condition: String| Rule {
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
            "they belong to a user who is not there".to_owned(),
            MEND,
            r#"not exists (select from original_users u where u.id = t."userId")"#.to_owned(),
        ),
        rule(
            "day_out_of_range",
            "their day is not of the years 1 to 9999".to_owned(),
            MEND,
            "t.date < '0001-01-02' or t.date >= '9999-12-31'".to_owned(),
        ),
    ];
    if !mending.skip_zero {
        let remedy = "leave them out with --zero skip, or mend them where the original keeps them";
        rules.push(rule("zero", "their amount is 0".to_owned(), remedy, "t.amount = 0".to_owned()));
    }
    if !mending.flip_negative {
        let remedy = "make income of such an expense, and an expense of such an income, with --negative flip, which leaves the \
                      balance as it is; or mend them where the original keeps them";
        rules.push(rule("negative", "their amount is less than 0".to_owned(), remedy, "t.amount < 0".to_owned()));
    }
    if mending.cut_long {
        let part = |length: &str, most: usize| format!("case when {length} > {most} then {length} + 1 else 0 end");
        let whole = [part(&title, MAX_TITLE), part(&title_en, MAX_TITLE), part(&category, 100)].join(" + ");
        rules.push(rule(
            "too_long_for_a_note",
            format!("their texts have more than {MAX_NOTE} characters, too many for a note too"),
            MEND,
            // A text is looked at a little beyond what a note holds, with the blanks before it.
            format!(
                "{whole} - 1 > {MAX_NOTE} or char_length(t.title) > {MAX_NOTE} or char_length(t.\"titleEn\") > {MAX_NOTE} or \
                 char_length(t.category) > {MAX_NOTE}"
            ),
        ));
    } else {
        rules.push(rule(
            "long_title",
            format!("their title or English title has more than {MAX_TITLE} characters"),
            CUT,
            format!("{title} > {MAX_TITLE} or {title_en} > {MAX_TITLE}"),
        ));
        rules.push(rule(
            "long_category",
            "the name of their category has more than 100 characters".to_owned(),
            CUT,
            of_long_category.to_owned(),
        ));
    }
    rules
}
