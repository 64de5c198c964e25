//! `app db seed`: sample data for development.

use anyhow::Context as _;
use chrono::{Days, NaiveDate};
use migrate_toolkit::Exit;
use migrate_toolkit::cli::CommandOutput;
use rust_decimal::Decimal;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};

use super::database::Database;
use crate::config::Config;
use crate::config::secret::Secret;
use crate::domain::civil_date::today;
use crate::domain::clock::{Clock as _, SystemClock};
use crate::features::auth::password::Hasher;
use crate::features::categories;
use crate::features::transactions::NewTransaction;
use crate::features::{transactions, users};
use crate::http::error::ApiError;
use crate::http::input::{Input, InputSource};
use crate::http::json::{self, Json};
use crate::http::scope::Scope;
use crate::migrations;

const EMAIL: &str = "demo@example.com";
const PASSWORD: &str = "demo-demo";

/// The transactions of a sample month.
const MONTH: &[SampleEntry] = &[
    (1, "เงินเดือน", "Salary", "42000", "INCOME", "Salary"),
    (2, "ค่าเช่าห้อง", "Rent", "9500", "EXPENSE", "Rent"),
    (2, "ข้าวมันไก่", "Chicken rice", "60", "EXPENSE", "Food & Dining"),
    (3, "รถไฟฟ้า", "Sky train", "47", "EXPENSE", "Transportation"),
    (4, "ค่าไฟ", "Electricity", "1284.75", "EXPENSE", "Bills & Utilities"),
    (6, "ซื้อของเข้าบ้าน", "Groceries", "1830.5", "EXPENSE", "Shopping"),
    (8, "หนัง", "Cinema", "320", "EXPENSE", "Entertainment"),
    (9, "งานแปล", "Translation job", "3500", "INCOME", "Freelance"),
    (11, "หมอฟัน", "Dentist", "1200", "EXPENSE", "Healthcare"),
    (13, "กาแฟ", "Coffee", "85", "EXPENSE", "Food & Dining"),
    (15, "หนังสือ", "Books", "640.25", "EXPENSE", "Education"),
    (18, "ของขวัญ", "Present", "1000", "INCOME", "Gift"),
    (21, "แท็กซี่", "Taxi", "156", "EXPENSE", "Transportation"),
    (25, "ดอกเบี้ย", "Interest", "12.34", "INCOME", "Investment"),
];

/// Days before today, title, English title, amount, type, category.
type SampleEntry = (u64, &'static str, &'static str, &'static str, &'static str, &'static str);

/// Categories whose amounts are the same in each month.
const FIXED_AMOUNTS: &[&str] = &["Salary", "Rent"];

/// The number of sample months, and their length.
const MONTHS: u64 = 4;
const DAYS_OF_A_MONTH: u64 = 30;

/// Inserts the sample data, if the database is up to date.
pub(super) async fn run(config: &Config, database: &Database) -> anyhow::Result<CommandOutput> {
    let status = migrations::migrator(config, &database.direct).status(false).await?;
    if status.exit(config.profile.into()) != Exit::Done {
        let text = "the database is not up to date; nothing was changed. Run `app migrate deploy` first.";
        return Ok(CommandOutput::of_error(status.exit(config.profile.into()), "not_up_to_date", text));
    }
    let seeded = sample(config, database).await?;
    let fields = match seeded {
        Some(count) => json!({"user": EMAIL, "created": true, "password": PASSWORD, "transactions": count}),
        None => json!({"user": EMAIL, "created": false}),
    };
    Ok(CommandOutput::new(Exit::Done, in_words(seeded), fields))
}

/// Describes the result in a sentence.
pub(super) fn in_words(seeded: Option<u64>) -> String {
    match seeded {
        Some(count) => format!("{EMAIL} was created, with the password {PASSWORD} and {count} transactions."),
        None => format!("{EMAIL} already exists; nothing was changed."),
    }
}

/// Inserts the sample data. Returns the number of transactions, or `None` if the user exists.
pub(super) async fn sample(config: &Config, database: &Database) -> anyhow::Result<Option<u64>> {
    let mut connection = database.connect().await?;
    let hash = Hasher::new(&config.auth)?.hash_alone(&Secret::new(PASSWORD.to_owned()))?;
    let mut transaction = connection.begin().await?;
    let Ok(user) = users::store::insert(&mut transaction, EMAIL, Some("Demo User"), &hash).await? else {
        return Ok(None);
    };
    categories::default_store::insert_all(&mut transaction, &[user.id]).await?;
    let count = fill(&mut transaction, user.id).await?;
    transaction.commit().await?;
    Ok(Some(count))
}

async fn fill(connection: &mut PgConnection, user_id: i64) -> anyhow::Result<u64> {
    let settings = users::store::settings(connection, user_id).await?.context("the user is gone")?;
    let today = today(SystemClock.now(), settings.time_zone);
    let mut count = 0;
    for month in (0..MONTHS).rev() {
        for (number, entry) in (0..).zip(MONTH) {
            let input = new_transaction(today, month * DAYS_OF_A_MONTH, entry, percent(month, number))?;
            transactions::create(&mut Scope::new(connection, user_id), &SystemClock, input).await.map_err(plain)?;
            count += 1;
        }
    }
    Ok(count)
}

/// The percentage of its base amount that an entry has in a month. Months differ, but each run gives the same amounts.
const fn percent(month: u64, number: u64) -> u64 {
    85 + (month * 11 + number * 7) % 31
}

/// Parses an entry like a request, so that sample data follows all rules.
fn new_transaction(
    today: NaiveDate,
    before: u64,
    (days, title, title_en, amount, kind, category): &SampleEntry,
    percent: u64,
) -> anyhow::Result<NewTransaction> {
    let mut amount = Decimal::from_str_exact(amount)?;
    if !FIXED_AMOUNTS.contains(category) {
        // Rounded to quarters, like prices.
        amount = (amount * Decimal::from(percent) / Decimal::from(25)).round() / Decimal::from(4);
    }
    let amount = amount.to_string();
    let date =
        today.checked_sub_days(Days::new(before + days)).context("the clock is at the beginning of the calendar")?;
    let fields = json!({"title": title, "titleEn": title_en, "amount": amount, "type": kind, "category": category, "date": date});
    let Json::Object(fields) = json::parse(fields.to_string().as_bytes())? else {
        anyhow::bail!("an object is an object")
    };
    Input::parse(fields, InputSource::Body).map_err(plain)
}

fn plain(error: ApiError) -> anyhow::Error {
    anyhow::anyhow!("{}", error.in_words())
}
