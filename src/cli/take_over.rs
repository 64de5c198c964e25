//! `app db take-over`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use clap::ValueEnum;
use migrate_toolkit::Exit;
use migrate_toolkit::cli::CommandOutput;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::database::Database;
use super::{ask, output};
use crate::config::{Config, DatabaseUrl};
use crate::db::explain::ConnectionTarget;
use crate::db::transport;
use crate::domain::currency::Currency;
use crate::migrations;
use crate::take_over::{
    self, Amounts, Check, Days, From, Mending, Proof, TakeOverError, TakenOver, Undo, Undone, Wishes, grouped,
};

pub(super) const AFTER_HELP: &str = "\
Examples:
  app db take-over --from here --amounts baht --dry-run
  app db take-over --from postgres://old@db.example.com/expense --amounts baht
  app db take-over --from dump.sql.gz --amounts baht
  app db take-over --undo

It is one transaction: killed at any moment, nothing happened. docs/take-over.md has the whole way.

Exit codes: 0 taken over and proven, 1 failed, or the proof did not hold, 2 senseless as things are, 3 migrations are
pending, 7 somebody else holds a lock, 10 rows that cannot be taken as they are";

/// The exit code for rows that cannot be taken over as they are.
const ROWS_REFUSED: Exit = Exit::Other(10);

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AmountsWord {
    /// 120 is 120.00: what the original's web client showed
    Baht,
    /// 120 is 1.20: what the original's sources say
    Satang,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DaysWord {
    /// The day in the zone
    Zone,
    /// The day in UTC, as the original's dashboard had it
    Utc,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Long {
    /// Cut it, and keep the whole text in the note
    Cut,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Zero {
    /// Leave it out
    Skip,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Negative {
    /// Make it one of the other type, which leaves the balance as it is
    Flip,
}

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "a flag of the command line is one")]
pub(super) struct Options {
    /// Where the original's rows are: `here` for this database, a URL, or a file of `pg_dump`, `-` for standard input
    #[arg(long, value_name = "here|URL|FILE", required_unless_present = "undo", conflicts_with = "undo")]
    from: Option<String>,
    /// What the original's amounts count; without it, both readings are told
    #[arg(long, value_enum)]
    amounts: Option<AmountsWord>,
    /// Where the users are, for the day of a row [default: Asia/Bangkok]
    #[arg(long, value_name = "ZONE")]
    zone: Option<Tz>,
    /// Which day a row with a time of day is of
    #[arg(long, value_enum, default_value = "zone")]
    days: DaysWord,
    /// What the amounts are in
    #[arg(long, value_name = "CODE", default_value = "THB", value_parser = currency)]
    currency: Currency,
    /// The schema of the original's tables [default: the URL's, or public]
    #[arg(long, value_name = "NAME")]
    schema: Option<String>,
    /// New addresses, in lines such as `7,new.address@example.com`, for those of which two are one here
    #[arg(long, value_name = "FILE")]
    emails: Option<PathBuf>,
    /// What to do with texts that are too long; without it they are refused
    #[arg(long, value_enum)]
    long: Option<Long>,
    /// What to do with transactions of 0; without it they are refused
    #[arg(long, value_enum)]
    zero: Option<Zero>,
    /// What to do with transactions of less than 0; without it they are refused
    #[arg(long, value_enum)]
    negative: Option<Negative>,
    /// With --from here: leave the original's tables where they are, and do not move them to the schema `original`
    #[arg(long, conflicts_with = "undo")]
    keep_in_place: bool,
    /// Do all of it, show the proof, and keep nothing; with --undo: say what was entered since
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Go back after --from here: take all rows away here, and put the original's tables where they were
    #[arg(long)]
    undo: bool,
    /// With --undo: the file that what was entered since is written to, a JSON document a line; `-` for standard output
    #[arg(long, value_name = "FILE", requires = "undo", default_value = "entered-since-take-over.jsonl")]
    keep: PathBuf,
}

fn currency(code: &str) -> Result<Currency, String> {
    code.parse().map_err(|error: crate::domain::currency::UnknownCurrency| error.to_string())
}

impl Options {
    pub(super) async fn run(self, config: &Config, database: &Database) -> anyhow::Result<CommandOutput> {
        let status = migrations::migrator(config, &database.direct).status(false).await;
        match status.map(|status| status.exit(config.profile.into())) {
            Ok(Exit::Done) => {}
            Ok(exit) => {
                let text = "the database is not up to date; nothing was changed. Run `app migrate deploy` first.";
                return Ok(CommandOutput::of_error(exit, "not_up_to_date", text));
            }
            Err(error) => return Ok(CommandOutput::from(error)),
        }
        let done = if self.undo { self.go_back(database).await } else { self.take_over(database).await };
        Ok(done.unwrap_or_else(answer_of))
    }

    async fn take_over(self, database: &Database) -> Result<CommandOutput, TakeOverError> {
        let (from, wishes) = self.read()?;
        if let From::Url(options) = &from
            && let Some(warning) = transport::warning(options)
        {
            tracing::warn!("{warning}");
        }
        if !self.dry_run && !self.yes && wishes.amounts.is_some() {
            let place = ConnectionTarget::of(&database.direct);
            let (users, transactions) = take_over::look(&database.direct, &from, &wishes.schema).await?;
            let what = match &from {
                From::Here { keep_in_place } => format!(
                    "{} users and {} transactions are taken over in {place}{}",
                    grouped(&users.to_string()),
                    grouped(&transactions.to_string()),
                    if *keep_in_place { "" } else { ", and the original's tables move to the schema `original`" }
                ),
                From::Url(options) => {
                    format!("Everything in {} is taken over into {place}", ConnectionTarget::of(options))
                }
                From::Dump(path) => format!("Everything in {} is taken over into {place}", path.display()),
            };
            if let Some(refusal) = agree(&format!("{what}. Go on?")) {
                return Ok(refusal);
            }
        }
        let mut tell = |line: &str| output::progress(line);
        let taken = take_over::take_over(&database.direct, &from, &wishes, &mut tell).await?;
        Ok(taken_over(&taken, self.dry_run))
    }

    /// What the command line says.
    fn read(&self) -> Result<(From, Wishes), TakeOverError> {
        let named = self.from.as_deref().unwrap_or_default();
        let (from, of_url) = if named == "here" {
            (From::Here { keep_in_place: self.keep_in_place }, None)
        } else if named.contains("://") {
            let (url, schema) = DatabaseUrl::of_original(named).map_err(|problem| {
                TakeOverError::Senseless(format!("the URL of --from {problem}; nothing was changed."))
            })?;
            (From::Url(Box::new(url.options())), schema)
        } else {
            (From::Dump(PathBuf::from(named)), None)
        };
        let wishes = Wishes {
            schema: self.schema.clone().or(of_url).unwrap_or_else(|| "public".to_owned()),
            amounts: self.amounts.map(|amounts| match amounts {
                AmountsWord::Baht => Amounts::Baht,
                AmountsWord::Satang => Amounts::Satang,
            }),
            days: match self.days {
                DaysWord::Zone => Days::Zone,
                DaysWord::Utc => Days::Utc,
            },
            zone: self.zone.unwrap_or(Tz::Asia__Bangkok),
            currency: self.currency,
            addresses: self.emails.as_deref().map_or_else(|| Ok(HashMap::new()), take_over::read_address_file)?,
            mending: Mending {
                cut_long: matches!(self.long, Some(Long::Cut)),
                skip_zero: matches!(self.zero, Some(Zero::Skip)),
                flip_negative: matches!(self.negative, Some(Negative::Flip)),
            },
            dry_run: self.dry_run,
        };
        Ok((from, wishes))
    }

    async fn go_back(self, database: &Database) -> Result<CommandOutput, TakeOverError> {
        let schema = self.schema.unwrap_or_else(|| "public".to_owned());
        let mut undo = Undo { schema, keep: self.keep, look_only: true };
        let mut tell = |line: &str| output::progress(line);
        let found = take_over::undo(&database.direct, &undo, &mut tell).await?;
        if self.dry_run {
            let text = format!("{}.\nNothing was changed.", found.since);
            return Ok(CommandOutput::new(Exit::Done, text, undone_json(&found)).with("dry_run", true.into()));
        }
        if !self.yes {
            let kept = if found.since.is_nothing() { String::new() } else { format!(" ({})", undo.keep.display()) };
            let question = format!(
                "All {} users and their transactions are taken away in {}; {}{kept}. Go on?",
                grouped(&found.users.to_string()),
                ConnectionTarget::of(&database.direct),
                found.since
            );
            if let Some(refusal) = agree(&question) {
                return Ok(refusal);
            }
        }
        undo.look_only = false;
        let undone = take_over::undo(&database.direct, &undo, &mut tell).await?;
        let mut text = undone_text(&undone);
        if undo.keep == Path::new("-") {
            // Standard output has the lines alone.
            output::progress(&text);
            text.clear();
        }
        Ok(CommandOutput::new(Exit::Done, text, undone_json(&undone)).with("dry_run", false.into()))
    }
}

/// The answer to who does not agree, or cannot be asked.
fn agree(question: &str) -> Option<CommandOutput> {
    // A signal ends the process, and with it the transaction.
    match ask::yes(question, &CancellationToken::new()) {
        Err(error) => Some(CommandOutput::from(error)),
        Ok(Some(true)) => None,
        Ok(Some(false)) => {
            Some(CommandOutput::of_error(Exit::Cancelled, "cancelled", "cancelled; nothing was changed."))
        }
        Ok(None) => Some(CommandOutput::of_error(
            Exit::Usage,
            "nobody_to_ask",
            "there is no terminal to ask on; nothing was changed. Try it with --dry-run, then say it with --yes.",
        )),
    }
}

fn taken_over(taken: &TakenOver, dry_run: bool) -> CommandOutput {
    let TakenOver { proof, moved_to, notes } = taken;
    let (users, transactions) = (grouped(&proof.users.to_string()), grouped(&proof.transactions.to_string()));
    let mut text = if dry_run {
        format!("{users} users and {transactions} transactions would be taken over; this is the proof:\n{proof}")
    } else {
        format!("{users} users and {transactions} transactions were taken over. The proof holds:\n{proof}")
    };
    for note in notes {
        text += &format!("note: {note}\n");
    }
    text += match (dry_run, moved_to) {
        (true, _) => "Everything was rolled back: nothing was changed. Leave --dry-run out to take it over.",
        (false, Some(_)) => {
            "The original's tables are in the schema `original` now, where the old service does not find them; `app db \
             take-over --undo` goes back. With the original's JWT_SECRET here, who is signed in stays so."
        }
        (false, None) => {
            "The original's database is as it was: turn the old service off, so that nobody enters anything there. With the \
             original's JWT_SECRET here, who is signed in stays so."
        }
    };
    let fields = json!({
        "dry_run": dry_run,
        "users": proof.users,
        "transactions": proof.transactions,
        "moved_to": moved_to,
        "notes": notes,
        "proof": proof_json(proof),
    });
    CommandOutput::new(Exit::Done, text, fields)
}

fn proof_json(proof: &Proof) -> Value {
    let check = |check: &Check| {
        let Check { code, what, original, here, holds } = check;
        json!({"code": code, "what": what, "original": original, "here": here, "holds": holds})
    };
    let told = |told: &take_over::Told| json!({"count": told.count, "first": told.first});
    let days = &proof.days;
    json!({
        "holds": proof.holds(),
        "checks": proof.checks.iter().map(check).collect::<Vec<_>>(),
        "skipped": told(&proof.skipped),
        "flipped": told(&proof.flipped),
        "cut": told(&proof.cut),
        "renamed": proof.renamed,
        "spellings": told(&proof.spellings),
        "cannot_sign_in": told(&proof.cannot_sign_in),
        "other_addresses": told(&proof.other_addresses),
        "days": {
            "reading": match days.days { Days::Zone => "zone", Days::Utc => "utc" },
            "zone": days.zone,
            "first": days.first,
            "last": days.last,
            "other_day": days.other_day,
            "other_month": days.other_month,
            "not_known": days.not_known,
            "months": days.months.iter().map(|month| json!({
                "month": month.month,
                "type": month.kind,
                "zone": {"rows": month.rows_there, "sum": month.sum_there},
                "utc": {"rows": month.rows_utc, "sum": month.sum_utc},
            })).collect::<Vec<_>>(),
        },
    })
}

fn undone_text(undone: &Undone) -> String {
    let mut text = format!("{} users and their transactions were taken away here.", grouped(&undone.users.to_string()));
    if undone.moved {
        text += &format!(" The original's tables are in the schema {} again: start the old service.", undone.schema);
    } else {
        text += &format!(
            " The original's tables are in the schema {}, where they were: start the old service.",
            undone.schema
        );
    }
    if let Some(file) = &undone.kept {
        text += &format!("\n{}; it stands in {}.", undone.since, file.display());
    }
    text
}

fn undone_json(undone: &Undone) -> Value {
    let since = &undone.since;
    json!({
        "users": undone.users,
        "schema": undone.schema,
        "moved": undone.moved,
        "kept": undone.kept,
        "since": {
            "users": since.users, "entered": since.entered, "changed": since.changed, "deleted": since.deleted,
            "others": since.others,
        },
    })
}

/// The answer to what went wrong.
fn answer_of(error: TakeOverError) -> CommandOutput {
    let exit = match &error {
        TakeOverError::Senseless(_) => Exit::Usage,
        TakeOverError::Locked(_) => Exit::LockTimeout,
        TakeOverError::Refused(_) => ROWS_REFUSED,
        _ => Exit::Failed,
    };
    let answer = CommandOutput::of_error(exit, error.code(), &error.to_string());
    match &error {
        TakeOverError::Refused(refusals) => {
            let refused = |refusal: &take_over::Refusal| {
                let rows = refusal.rows.iter().map(|(id, more)| json!({"id": id, "more": more})).collect::<Vec<_>>();
                json!({
                    "code": refusal.code, "what": refusal.what, "problem": refusal.problem, "remedy": refusal.remedy,
                    "count": refusal.count, "rows": rows,
                })
            };
            answer.with("refusals", refusals.iter().map(refused).collect())
        }
        TakeOverError::NotProven(proof) => answer.with("proof", proof_json(proof)),
        _ => answer,
    }
}
