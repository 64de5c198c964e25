//! `app db take-over`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono_tz::Tz;
use clap::ValueEnum;
use migrate_toolkit::cli::{CommandOutput, StopSignals, ask, terminal};
use migrate_toolkit::{Exit, Migrator};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::database::Database;
use crate::config::{Config, DatabaseUrl};
use crate::db::explain::ConnectionTarget;
use crate::db::transport;
use crate::domain::currency::Currency;
use crate::migrations;
use crate::take_over::{
    self, Amounts, Comparison, DayRule, Proof, Repairs, SourceLocation, TakeOverError, TakeOverRequest, TakeOverResult,
    UndoOutcome, UndoRequest, grouped,
};

pub(super) const AFTER_HELP: &str = "\
Examples:
  app db take-over --from here --amounts baht --dry-run
  app db take-over --from postgres://old@db.example.com/expense --amounts baht
  app db take-over --from dump.sql.gz --amounts baht
  app db take-over --undo

It is one transaction: if it is killed, nothing has happened. docs/take-over.md describes the whole process.

Exit codes: 0 taken over and proven, 1 failed, or the proof failed, 2 not applicable in the current state, 3 migrations
are pending, 7 a lock was not acquired in time, 10 rows that cannot be taken over as they are";

/// The exit code for rows that cannot be taken over as they are.
const ROWS_REFUSED: Exit = Exit::Other(10);

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AmountsArg {
    /// 120 is 120.00, as the original's web client shows it
    Baht,
    /// 120 is 1.20, as the original's source code says
    Satang,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DaysArg {
    /// The day in the time zone
    Zone,
    /// The day in UTC, as on the original's dashboard
    Utc,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LongTexts {
    /// Cut them, and keep the whole text in the note
    Cut,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ZeroAmounts {
    /// Leave them out
    Skip,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum NegativeAmounts {
    /// Give them the other type, which leaves the balance as it is
    Flip,
}

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct TakeOverOptions {
    /// The original's database: `here` for this database, a URL, or a file written by `pg_dump` (`-` for standard
    /// input)
    #[arg(long, value_name = "here|URL|FILE", required_unless_present = "undo", conflicts_with = "undo")]
    from: Option<String>,
    /// The unit of the original's amounts; without it, both readings are shown
    #[arg(long, value_enum)]
    amounts: Option<AmountsArg>,
    /// The time zone of the users, which decides the day of a row [default: Asia/Bangkok]
    #[arg(long, value_name = "ZONE")]
    zone: Option<Tz>,
    /// The rule for the day of a row with a time of day
    #[arg(long, value_enum, default_value = "zone")]
    days: DaysArg,
    /// The currency of the amounts
    #[arg(long, value_name = "CODE", default_value = "THB", value_parser = currency)]
    currency: Currency,
    /// The schema of the original's tables [default: that of the URL, or public]
    #[arg(long, value_name = "NAME")]
    schema: Option<String>,
    /// A file with new addresses for users whose addresses clash here, with lines such as `7,new.address@example.com`
    #[arg(long, value_name = "FILE")]
    emails: Option<PathBuf>,
    /// Handle texts that are too long; without it they are refused
    #[arg(long, value_enum)]
    long: Option<LongTexts>,
    /// Handle transactions with the amount 0; without it they are refused
    #[arg(long, value_enum)]
    zero: Option<ZeroAmounts>,
    /// Handle transactions with negative amounts; without it they are refused
    #[arg(long, value_enum)]
    negative: Option<NegativeAmounts>,
    /// With --from here: leave the original's tables in place instead of moving them to the schema `original`
    #[arg(long, conflicts_with = "undo")]
    keep_in_place: bool,
    /// Show the proof, and roll everything back; with --undo: only report what has been entered since
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
    /// Undo --from here: delete all rows here, and move the original's tables back
    #[arg(long)]
    undo: bool,
    /// With --undo: the file for everything entered since, with one JSON document per line; `-` for standard output
    #[arg(long, value_name = "FILE", requires = "undo", default_value = "entered-since-take-over.jsonl")]
    keep: PathBuf,
    /// The time to wait for a database that does not answer yet, such as 30s
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    wait: Option<Duration>,
}

fn currency(code: &str) -> Result<Currency, String> {
    code.parse().map_err(|error: crate::domain::currency::UnknownCurrency| error.to_string())
}

impl TakeOverOptions {
    pub(super) async fn run(self, config: &Config, database: &Database) -> anyhow::Result<CommandOutput> {
        let mut migrator = migrations::migrator(config, &database.direct);
        migrator.settings.wait = self.wait.unwrap_or_default();
        match migrator.status(false).await.map(|status| status.exit(config.profile.into())) {
            Ok(Exit::Done) => {}
            Ok(exit) => {
                let text = "the database is not up to date; nothing was changed. Run `app migrate deploy` first.";
                return Ok(CommandOutput::of_error(exit, "not_up_to_date", text));
            }
            Err(error) => return Ok(CommandOutput::from(error)),
        }
        let mut signals = StopSignals::listen()?;
        let done = async { if self.undo { self.go_back(&migrator).await } else { self.take_over(&migrator).await } };
        tokio::select! {
            done = done => Ok(done.unwrap_or_else(answer_of)),
            // Dropping the connection ends its transaction.
            () = signals.next() => Ok(CommandOutput::of_error(
                Exit::Cancelled,
                "cancelled",
                "cancelled; nothing was changed, unless the transaction was being committed at this moment: `app db \
                 take-over --undo --dry-run` shows whether there are users.",
            )),
        }
    }

    async fn take_over(self, migrator: &Migrator) -> Result<CommandOutput, TakeOverError> {
        let (from, request) = self.read()?;
        if let SourceLocation::Url(options) = &from
            && let Some(warning) = transport::warning(options)
        {
            tracing::warn!("{warning}");
        }
        if !self.dry_run && !self.yes && request.amounts.is_some() {
            let place = ConnectionTarget::of(&migrator.database);
            let (users, transactions) = take_over::preview(migrator, &from, &request.schema).await?;
            let what = match &from {
                SourceLocation::Here { keep_in_place } => format!(
                    "{} users and {} transactions will be taken over into {place}{}",
                    grouped(&users.to_string()),
                    grouped(&transactions.to_string()),
                    if *keep_in_place { "" } else { ", and the original's tables move to the schema `original`" }
                ),
                SourceLocation::Url(options) => {
                    format!("Everything in {} will be taken over into {place}", ConnectionTarget::of(options))
                }
                SourceLocation::Dump(path) => {
                    format!("Everything in {} will be taken over into {place}", path.display())
                }
            };
            if let Some(refusal) = agree(&format!("{what}. Continue?")) {
                return Ok(refusal);
            }
        }
        let mut report = |line: &str| terminal::progress(line);
        let taken = take_over::take_over(migrator, &from, &request, &mut report).await?;
        Ok(taken_over(&taken, self.dry_run))
    }

    /// Reads the options.
    fn read(&self) -> Result<(SourceLocation, TakeOverRequest), TakeOverError> {
        let named = self.from.as_deref().unwrap_or_default();
        let (from, of_url) = if named == "here" {
            (SourceLocation::Here { keep_in_place: self.keep_in_place }, None)
        } else if named.contains("://") {
            let (url, schema) = DatabaseUrl::parse_original(named).map_err(|problem| {
                TakeOverError::NotApplicable(format!("the URL of --from {problem}; nothing was changed."))
            })?;
            (SourceLocation::Url(Box::new(url.options())), schema)
        } else {
            (SourceLocation::Dump(PathBuf::from(named)), None)
        };
        let request = TakeOverRequest {
            schema: self.schema.clone().or(of_url).unwrap_or_else(|| "public".to_owned()),
            amounts: self.amounts.map(|amounts| match amounts {
                AmountsArg::Baht => Amounts::Baht,
                AmountsArg::Satang => Amounts::Satang,
            }),
            days: match self.days {
                DaysArg::Zone => DayRule::Zone,
                DaysArg::Utc => DayRule::Utc,
            },
            zone: self.zone.unwrap_or(Tz::Asia__Bangkok),
            currency: self.currency,
            addresses: self.emails.as_deref().map_or_else(|| Ok(HashMap::new()), take_over::read_address_file)?,
            repairs: Repairs {
                cut_long: matches!(self.long, Some(LongTexts::Cut)),
                skip_zero: matches!(self.zero, Some(ZeroAmounts::Skip)),
                flip_negative: matches!(self.negative, Some(NegativeAmounts::Flip)),
            },
            dry_run: self.dry_run,
        };
        Ok((from, request))
    }

    async fn go_back(self, migrator: &Migrator) -> Result<CommandOutput, TakeOverError> {
        let schema = self.schema.unwrap_or_else(|| "public".to_owned());
        let mut undo = UndoRequest { schema, keep: self.keep, report_only: true };
        let mut report = |line: &str| terminal::progress(line);
        let found = take_over::undo(migrator, &undo, &mut report).await?;
        if self.dry_run {
            let text = format!("{}.\nNothing was changed.", found.since);
            return Ok(CommandOutput::new(Exit::Done, text, undone_json(&found)).with("dry_run", true.into()));
        }
        if !self.yes {
            let kept = if found.since.is_nothing() { String::new() } else { format!(" ({})", undo.keep.display()) };
            let question = format!(
                "All {} users and their transactions will be deleted from {}; {}{kept}. Continue?",
                grouped(&found.users.to_string()),
                ConnectionTarget::of(&migrator.database),
                found.since
            );
            if let Some(refusal) = agree(&question) {
                return Ok(refusal);
            }
        }
        undo.report_only = false;
        let undone = take_over::undo(migrator, &undo, &mut report).await?;
        let mut text = undone_text(&undone);
        if undo.keep == Path::new("-") {
            // With `--keep -`, standard output contains the JSON lines only.
            terminal::progress(&text);
            text.clear();
        }
        Ok(CommandOutput::new(Exit::Done, text, undone_json(&undone)).with("dry_run", false.into()))
    }
}

/// Asks for agreement. Returns the answer of the command if somebody refuses, or cannot be asked.
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
            "there is no terminal for the confirmation; nothing was changed. Try it with --dry-run, then confirm it \
             with --yes.",
        )),
    }
}

fn taken_over(taken: &TakeOverResult, dry_run: bool) -> CommandOutput {
    let TakeOverResult { proof, moved_to, notes } = taken;
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
        (true, _) => "Everything was rolled back: nothing was changed. Run it without --dry-run to keep the result.",
        (false, Some(_)) => {
            "The original's tables are in the schema `original` now, where the old service does not find them; `app db \
             take-over --undo` goes back. With the original's JWT_SECRET here, signed-in users stay signed in."
        }
        (false, None) => {
            "The original's database is unchanged: stop the old service, so that nobody enters anything there. With \
             the original's JWT_SECRET here, signed-in users stay signed in."
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
    let check = |check: &Comparison| {
        let Comparison { code, what, original, here, holds } = check;
        json!({"code": code, "what": what, "original": original, "here": here, "holds": holds})
    };
    let examples = |examples: &take_over::Examples| json!({"count": examples.count, "first": examples.first});
    let days = &proof.days;
    json!({
        "holds": proof.holds(),
        "checks": proof.checks.iter().map(check).collect::<Vec<_>>(),
        "skipped": examples(&proof.skipped),
        "flipped": examples(&proof.flipped),
        "cut": examples(&proof.cut),
        "renamed": proof.renamed,
        "spellings": examples(&proof.spellings),
        "cannot_sign_in": examples(&proof.cannot_sign_in),
        "other_addresses": examples(&proof.other_addresses),
        "days": {
            "reading": match days.days { DayRule::Zone => "zone", DayRule::Utc => "utc" },
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

fn undone_text(undone: &UndoOutcome) -> String {
    let mut text = format!("{} users and their transactions were deleted here.", grouped(&undone.users.to_string()));
    if undone.moved {
        text += &format!(" The original's tables are in the schema {} again: start the old service.", undone.schema);
    } else {
        text += &format!(
            " The original's tables are in the schema {}, where they were: start the old service.",
            undone.schema
        );
    }
    if let Some(file) = &undone.kept {
        text += &format!("\n{}; it was written to {}.", undone.since, file.display());
    }
    text
}

fn undone_json(undone: &UndoOutcome) -> Value {
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

/// The answer to an error.
fn answer_of(error: TakeOverError) -> CommandOutput {
    let exit = match &error {
        TakeOverError::NotApplicable(_) => Exit::Usage,
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
