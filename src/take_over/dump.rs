//! Reads a plain dump of `pg_dump` as a stream. The rows of the two tables are passed on to PostgreSQL, which parses
//! its own format best; of the rest, only a few statements matter.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use sqlx::PgConnection;
use sqlx::postgres::PgDatabaseError;

use super::dump_lines::{DumpLines, DumpStatement, statement};
use super::error::TakeOverError;
use super::session::{ProgressReport, RowProgress};
use super::sql::{identifier, run};
use super::tables::{CHUNK_BYTES, NextIds, OriginalColumn, OriginalTable};
use crate::db::explain::Cause;

/// The maximum size of a row, in bytes. Longer rows could not be taken over anyway.
const MAX_ROW_BYTES: usize = 1024 * 1024;

/// The number of rows per `COPY`. Small, so that an invalid row is reported soon.
const ROWS_PER_COPY: u64 = 10_000;

/// Information in a dump besides the rows.
#[derive(Debug, Default)]
pub(super) struct DumpInfo {
    pub next_ids: NextIds,
    pub notes: Vec<String>,
}

/// Reads the rows into `original_users` and `original_transactions`.
///
/// Blocks the current thread while reading; the command has nothing else to do.
pub(super) async fn read(
    connection: &mut PgConnection,
    path: &Path,
    schema: &str,
    report: ProgressReport<'_>,
) -> Result<DumpInfo, TakeOverError> {
    let name = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
    let lines = DumpLines::new(open(path)?);
    DumpReader { name, schema, lines, found: Vec::new(), elsewhere: None, info: DumpInfo::default() }
        .read(connection, report)
        .await
}

/// Opens the file (`-` for standard input), plain or compressed by gzip. Refuses the formats of `pg_restore` and other
/// compressions.
fn open(path: &Path) -> Result<Box<dyn BufRead + Send>, TakeOverError> {
    let name = path.display();
    let other_format = |format: &str| {
        TakeOverError::NotApplicable(format!(
            "{name} is a dump in the {format} format, which is not supported; nothing was changed. Convert it to a \
             plain dump: \
             `pg_restore -f dump.sql {name}`."
        ))
    };
    if path.is_dir() {
        return Err(other_format("directory"));
    }
    let cannot =
        |error: std::io::Error| TakeOverError::File(format!("{name} cannot be read: {error}; nothing was changed."));
    let file: Box<dyn Read + Send> =
        if path == Path::new("-") { Box::new(std::io::stdin()) } else { Box::new(File::open(path).map_err(cannot)?) };
    let mut file = BufReader::with_capacity(CHUNK_BYTES, file);
    let packed = file.fill_buf().map_err(cannot)?.starts_with(&[0x1f, 0x8b]);
    let mut text: Box<dyn BufRead + Send> = if packed {
        Box::new(BufReader::with_capacity(CHUNK_BYTES, MultiGzDecoder::new(file)))
    } else {
        Box::new(file)
    };
    let beginning = text.fill_buf().map_err(cannot)?;
    if beginning.starts_with(b"PGDMP") {
        return Err(other_format("custom"));
    }
    if beginning.get(257..262) == Some(b"ustar") {
        return Err(other_format("tar"));
    }
    let packings: [(&[u8], &str); 4] =
        [(b"\x28\xb5\x2f\xfd", "zstd"), (b"\x04\x22\x4d\x18", "lz4"), (b"BZh", "bzip2"), (b"\xfd7zXZ", "xz")];
    if let Some((_, packing)) = packings.iter().find(|(magic, _)| beginning.starts_with(magic)) {
        return Err(TakeOverError::NotApplicable(format!(
            "{name} is compressed by {packing}; nothing was changed. Decompress it first: only plain text and gzip \
             are supported."
        )));
    }
    Ok(text)
}

struct DumpReader<'a> {
    name: String,
    schema: &'a str,
    lines: DumpLines<Box<dyn BufRead + Send>>,
    /// The tables whose rows have been read.
    found: Vec<OriginalTable>,
    /// Another schema that contains such tables.
    elsewhere: Option<String>,
    info: DumpInfo,
}

impl DumpReader<'_> {
    async fn read(
        mut self,
        connection: &mut PgConnection,
        report: ProgressReport<'_>,
    ) -> Result<DumpInfo, TakeOverError> {
        while self.next()? {
            match statement(&self.lines.text()) {
                None => {}
                Some(DumpStatement::Encoding(encoding)) if ["UTF8", "SQL_ASCII"].contains(&encoding.as_str()) => {}
                Some(DumpStatement::Encoding(encoding)) => {
                    return Err(self.not_applicable(format!(
                        "is encoded in {encoding}; create one with `pg_dump --encoding \
                             UTF8`"
                    )));
                }
                Some(DumpStatement::Insert { schema, table }) => self.expect_other_table(schema, &table)?,
                Some(DumpStatement::NextValue { schema, sequence, next }) => self.note_next(schema, &sequence, next),
                Some(DumpStatement::Copy { schema, table, columns }) => match self.table(schema, &table) {
                    None => self.skip_rows()?,
                    Some(table) => self.copy_rows(connection, table, &columns, report).await?,
                },
            }
        }
        self.finish()
    }

    fn expect_other_table(&mut self, schema: Option<String>, table: &str) -> Result<(), TakeOverError> {
        match self.table(schema, table) {
            Some(_) => Err(self.not_applicable("has `INSERT` statements; create one without `--inserts`".to_owned())),
            None => Ok(()),
        }
    }

    fn note_next(&mut self, schema: Option<String>, sequence: &str, next: i64) {
        if schema.is_some_and(|schema| schema != self.schema) {
            return;
        }
        let next_ids = &mut self.info.next_ids;
        if sequence == OriginalTable::User.sequence() {
            next_ids.users = Some(next);
        } else if sequence == OriginalTable::Transaction.sequence() {
            next_ids.transactions = Some(next);
        }
    }

    /// The original's table of this name, if it is one.
    fn table(&mut self, schema: Option<String>, name: &str) -> Option<OriginalTable> {
        let table = OriginalTable::BOTH.into_iter().find(|table| table.name() == name)?;
        match schema {
            Some(schema) if schema != self.schema => {
                self.elsewhere = Some(schema.chars().filter(|c| !c.is_control()).collect());
                None
            }
            _ => Some(table),
        }
    }

    fn next(&mut self) -> Result<bool, TakeOverError> {
        self.lines.next().map_err(|error| {
            TakeOverError::File(format!(
                "{}, line {}: reading failed: {error}; nothing was changed.",
                self.name,
                self.lines.number()
            ))
        })
    }

    /// Goes to the next row. Returns false after the last one.
    fn next_row(&mut self, table: &str, first: u64) -> Result<bool, TakeOverError> {
        if !self.next()? || (!self.lines.is_whole() && !self.lines.ends_rows()) {
            return Err(TakeOverError::File(format!(
                "{} ends at line {}, in the middle of the rows of {table} that begin at line {first}: the file is \
                 incomplete; nothing was changed. Create the dump again.",
                self.name,
                self.lines.number()
            )));
        }
        Ok(!self.lines.ends_rows())
    }

    fn skip_rows(&mut self) -> Result<(), TakeOverError> {
        let first = self.lines.number() + 1;
        while self.next_row("another table", first)? {}
        Ok(())
    }

    async fn copy_rows(
        &mut self,
        connection: &mut PgConnection,
        table: OriginalTable,
        columns: &[String],
        report: ProgressReport<'_>,
    ) -> Result<(), TakeOverError> {
        if self.found.contains(&table) {
            return Err(self.not_applicable(format!(
                "has rows of {} a second time, at line {}; use a dump of a single database",
                identifier(table.name()),
                self.lines.number()
            )));
        }
        self.found.push(table);
        let lacking =
            |(column, _, optional): &&OriginalColumn| !optional && !columns.iter().any(|given| given == column);
        if let Some((column, ..)) = table.columns().iter().find(lacking) {
            return Err(self.not_applicable(format!(
                "has no column {column} in the rows of {} at line {}, so it is not a dump of the original",
                identifier(table.name()),
                self.lines.number()
            )));
        }
        for column in columns.iter().filter(|given| !table.columns().iter().any(|(column, ..)| given == column)) {
            // A column that somebody added: it is read and ignored.
            let add = format!("alter table {} add column if not exists {} text", table.view_name(), identifier(column));
            run(connection, add).await?;
        }
        let columns: Vec<String> = columns.iter().map(|column| identifier(column)).collect();
        let into = format!("copy {} ({}) from stdin", table.view_name(), columns.join(", "));
        let first = self.lines.number() + 1;
        let mut progress = RowProgress::new(if table == OriginalTable::User {
            "users read"
        } else {
            "transactions \
             read"
        });
        while self.copy_some_rows(connection, table, &into, first, &mut progress, report).await? {}
        Ok(())
    }

    /// Passes some rows on to PostgreSQL. Returns true if there are more.
    async fn copy_some_rows(
        &mut self,
        connection: &mut PgConnection,
        table: OriginalTable,
        into: &str,
        first: u64,
        progress: &mut RowProgress,
        report: ProgressReport<'_>,
    ) -> Result<bool, TakeOverError> {
        let begin = self.lines.number();
        let mut copy = connection.copy_in_raw(into).await?;
        let mut rows = Vec::with_capacity(CHUNK_BYTES);
        let mut more = true;
        while more && self.lines.number() - begin < ROWS_PER_COPY {
            more = self.next_row(table.name(), first)?;
            if !more {
                break;
            }
            if self.lines.length() > MAX_ROW_BYTES {
                return Err(TakeOverError::File(format!(
                    "{}, line {}: the row has more than {MAX_ROW_BYTES} bytes and cannot be taken over; nothing was \
                     changed. Fix it in the original.",
                    self.name,
                    self.lines.number()
                )));
            }
            rows.extend_from_slice(self.lines.bytes());
            rows.push(b'\n');
            if rows.len() >= CHUNK_BYTES {
                copy.send(rows.as_slice()).await?;
                rows.clear();
            }
        }
        copy.send(rows.as_slice()).await?;
        let count = copy.finish().await.map_err(|error| self.bad_row(error, begin))?;
        progress.add(count, report);
        Ok(more)
    }

    /// PostgreSQL's message about an invalid row, without the row, which may contain a password hash.
    fn bad_row(&self, error: sqlx::Error, begin: u64) -> TakeOverError {
        let place = error
            .as_database_error()
            .and_then(|error| error.try_downcast_ref::<PgDatabaseError>())
            .and_then(PgDatabaseError::r#where)
            .and_then(line_of);
        let Some(line) = place else { return error.into() };
        let words = Cause(&error).to_string();
        let words = words.split(": \"").next().unwrap_or_default();
        TakeOverError::File(format!("{}, line {}: {words}; nothing was changed.", self.name, begin + line))
    }

    fn not_applicable(&self, problem: String) -> TakeOverError {
        TakeOverError::NotApplicable(format!("{} {problem}; nothing was changed.", self.name))
    }

    fn finish(mut self) -> Result<DumpInfo, TakeOverError> {
        let lacking: Vec<String> = OriginalTable::BOTH
            .into_iter()
            .filter(|table| !self.found.contains(table))
            .map(|table| identifier(table.name()))
            .collect();
        if lacking.is_empty() {
            for (table, next) in [
                (OriginalTable::User, self.info.next_ids.users),
                (OriginalTable::Transaction, self.info.next_ids.transactions),
            ] {
                if next.is_none() {
                    self.info.notes.push(format!(
                        "the dump does not contain the position of the sequence of {}; ids continue after the largest.",
                        identifier(table.name())
                    ));
                }
            }
            return Ok(self.info);
        }
        let mut hint = String::new();
        if let Some(schema) = &self.elsewhere {
            let _ = write!(hint, " It has such rows in the schema {0}: --schema {0}.", identifier(schema));
        }
        Err(TakeOverError::NotApplicable(format!(
            "{} has no rows of {} in the schema {}; nothing was changed. Expected are lines such as `COPY \
             public.\"User\" \
             (id, …) FROM stdin;`, as `pg_dump` writes them to a plain dump with data.{hint}",
            self.name,
            lacking.join(" and "),
            identifier(self.schema)
        )))
    }
}

/// The line number in the context of a `COPY` error: `COPY original_users, line 3, column id: "x"`.
fn line_of(context: &str) -> Option<u64> {
    let (_, rest) = context.split_once(", line ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
