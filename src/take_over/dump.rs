//! A file that `pg_dump` wrote in its plain format, read as it comes: the rows of the two tables are handed to PostgreSQL, which
//! reads its own notation best, and of everything else only a few lines matter.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use sqlx::PgConnection;
use sqlx::postgres::PgDatabaseError;

use super::dump_lines::{Lines, Statement, statement};
use super::error::TakeOverError;
use super::session::Progress;
use super::source::{NextIds, SENT_AT_ONCE, Table};
use super::{Tell, identifier, run};
use crate::db::explain::Cause;

/// No row that can be taken is as long.
const LONGEST_ROW: usize = 1024 * 1024;

/// Rows in one `COPY`, so that a bad one is told of soon.
const ROWS_AT_ONCE: u64 = 10_000;

/// What a dump tells beside the rows.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub next_ids: NextIds,
    pub notes: Vec<String>,
}

/// Reads the rows into `original_users` and `original_transactions`.
///
/// It waits for the disk on this thread, which has nothing else to do.
pub(super) async fn read(
    connection: &mut PgConnection,
    path: &Path,
    schema: &str,
    tell: Tell<'_>,
) -> Result<Told, TakeOverError> {
    let name = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
    let lines = Lines::new(open(path)?);
    Reader { name, schema, lines, found: Vec::new(), elsewhere: None, told: Told::default() }
        .read(connection, tell)
        .await
}

/// Opens it, `-` for standard input, packed by gzip or not, and refuses the formats that only `pg_restore` reads.
fn open(path: &Path) -> Result<Box<dyn BufRead + Send>, TakeOverError> {
    let name = path.display();
    let other_format = |format: &str| {
        TakeOverError::Senseless(format!(
            "{name} is a dump in the {format} format, which is not read here; nothing was changed. Make a plain one of it: \
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
    let mut file = BufReader::with_capacity(SENT_AT_ONCE, file);
    let packed = file.fill_buf().map_err(cannot)?.starts_with(&[0x1f, 0x8b]);
    let mut text: Box<dyn BufRead + Send> = if packed {
        Box::new(BufReader::with_capacity(SENT_AT_ONCE, MultiGzDecoder::new(file)))
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
        return Err(TakeOverError::Senseless(format!(
            "{name} is packed by {packing}; nothing was changed. Unpack it first: plain text and gzip are read here."
        )));
    }
    Ok(text)
}

struct Reader<'a> {
    name: String,
    schema: &'a str,
    lines: Lines<Box<dyn BufRead + Send>>,
    /// The tables whose rows were read.
    found: Vec<Table>,
    /// Another schema that has such tables.
    elsewhere: Option<String>,
    told: Told,
}

impl Reader<'_> {
    async fn read(mut self, connection: &mut PgConnection, tell: Tell<'_>) -> Result<Told, TakeOverError> {
        while self.next()? {
            match statement(&self.lines.text()) {
                None => {}
                Some(Statement::Encoding(encoding)) if ["UTF8", "SQL_ASCII"].contains(&encoding.as_str()) => {}
                Some(Statement::Encoding(encoding)) => {
                    return Err(
                        self.senseless(format!("is encoded in {encoding}; make one with `pg_dump --encoding UTF8`"))
                    );
                }
                Some(Statement::Insert { schema, table }) => self.expect_other_table(schema, &table)?,
                Some(Statement::NextValue { schema, sequence, next }) => self.note_next(schema, &sequence, next),
                Some(Statement::Copy { schema, table, columns }) => match self.table(schema, &table) {
                    None => self.skip_rows()?,
                    Some(table) => self.copy_rows(connection, table, &columns, tell).await?,
                },
            }
        }
        self.finish()
    }

    fn expect_other_table(&mut self, schema: Option<String>, table: &str) -> Result<(), TakeOverError> {
        match self.table(schema, table) {
            Some(_) => Err(self.senseless("has `INSERT` statements; make one without `--inserts`".to_owned())),
            None => Ok(()),
        }
    }

    fn note_next(&mut self, schema: Option<String>, sequence: &str, next: i64) {
        if schema.is_some_and(|schema| schema != self.schema) {
            return;
        }
        let next_ids = &mut self.told.next_ids;
        if sequence == Table::User.sequence() {
            next_ids.users = Some(next);
        } else if sequence == Table::Transaction.sequence() {
            next_ids.transactions = Some(next);
        }
    }

    /// The table of the original's that is meant, if it is one.
    fn table(&mut self, schema: Option<String>, name: &str) -> Option<Table> {
        let table = Table::BOTH.into_iter().find(|table| table.name() == name)?;
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
                "{}, line {}: it cannot be read on: {error}; nothing was changed.",
                self.name,
                self.lines.number()
            ))
        })
    }

    /// The next row, or `false` behind the last.
    fn next_row(&mut self, table: &str, first: u64) -> Result<bool, TakeOverError> {
        if !self.next()? || (!self.lines.is_whole() && !self.lines.ends_rows()) {
            return Err(TakeOverError::File(format!(
                "{} ends at line {}, in the midst of the rows of {table} that begin at line {first}: it was cut off; nothing was \
                 changed. Make the dump again.",
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
        table: Table,
        columns: &[String],
        tell: Tell<'_>,
    ) -> Result<(), TakeOverError> {
        if self.found.contains(&table) {
            return Err(self.senseless(format!(
                "has rows of {} a second time, at line {}; name a dump of one database",
                identifier(table.name()),
                self.lines.number()
            )));
        }
        self.found.push(table);
        let lacking =
            |(column, _, may_lack): &&super::source::Column| !may_lack && !columns.iter().any(|given| given == column);
        if let Some((column, ..)) = table.columns().iter().find(lacking) {
            return Err(self.senseless(format!(
                "has no column {column} in the rows of {} at line {}, so that it is not the original's",
                identifier(table.name()),
                self.lines.number()
            )));
        }
        for column in columns.iter().filter(|given| !table.columns().iter().any(|(column, ..)| given == column)) {
            // Somebody's own: it is read and left out.
            let add = format!("alter table {} add column if not exists {} text", table.read_as(), identifier(column));
            run(connection, add).await?;
        }
        let columns: Vec<String> = columns.iter().map(|column| identifier(column)).collect();
        let into = format!("copy {} ({}) from stdin", table.read_as(), columns.join(", "));
        let first = self.lines.number() + 1;
        let mut progress = Progress::new(if table == Table::User { "users read" } else { "transactions read" });
        while self.copy_some_rows(connection, table, &into, first, &mut progress, tell).await? {}
        Ok(())
    }

    /// Hands some rows to PostgreSQL; whether there are more.
    async fn copy_some_rows(
        &mut self,
        connection: &mut PgConnection,
        table: Table,
        into: &str,
        first: u64,
        progress: &mut Progress,
        tell: Tell<'_>,
    ) -> Result<bool, TakeOverError> {
        let begin = self.lines.number();
        let mut copy = connection.copy_in_raw(into).await?;
        let mut rows = Vec::with_capacity(SENT_AT_ONCE);
        let mut more = true;
        while more && self.lines.number() - begin < ROWS_AT_ONCE {
            more = self.next_row(table.name(), first)?;
            if !more {
                break;
            }
            if self.lines.length() > LONGEST_ROW {
                return Err(TakeOverError::File(format!(
                    "{}, line {}: the row has more than {LONGEST_ROW} bytes, and none that can be taken has as many; nothing was \
                     changed. Mend it where the original keeps it.",
                    self.name,
                    self.lines.number()
                )));
            }
            rows.extend_from_slice(self.lines.bytes());
            rows.push(b'\n');
            if rows.len() >= SENT_AT_ONCE {
                copy.send(rows.as_slice()).await?;
                rows.clear();
            }
        }
        copy.send(rows.as_slice()).await?;
        let count = copy.finish().await.map_err(|error| self.bad_row(error, begin))?;
        progress.add(count, tell);
        Ok(more)
    }

    /// What PostgreSQL says of a row, without the row: it may have a password's hash in it.
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

    fn senseless(&self, problem: String) -> TakeOverError {
        TakeOverError::Senseless(format!("{} {problem}; nothing was changed.", self.name))
    }

    fn finish(mut self) -> Result<Told, TakeOverError> {
        let lacking: Vec<String> = Table::BOTH
            .into_iter()
            .filter(|table| !self.found.contains(table))
            .map(|table| identifier(table.name()))
            .collect();
        if lacking.is_empty() {
            for (table, next) in
                [(Table::User, self.told.next_ids.users), (Table::Transaction, self.told.next_ids.transactions)]
            {
                if next.is_none() {
                    self.told.notes.push(format!(
                        "the dump does not say where the sequence of {} stands; ids go on behind the largest.",
                        identifier(table.name())
                    ));
                }
            }
            return Ok(self.told);
        }
        let mut hint = String::new();
        if let Some(schema) = &self.elsewhere {
            let _ = write!(hint, " It has such rows in the schema {0}: --schema {0}.", identifier(schema));
        }
        Err(TakeOverError::Senseless(format!(
            "{} has no rows of {} in the schema {}; nothing was changed. What is looked for are lines such as `COPY public.\"User\" \
             (id, …) FROM stdin;`, as `pg_dump` writes them into a plain dump with data.{hint}",
            self.name,
            lacking.join(" and "),
            identifier(self.schema)
        )))
    }
}

/// The line of a `COPY` that PostgreSQL speaks of: `COPY original_users, line 3, column id: "x"`.
fn line_of(context: &str) -> Option<u64> {
    let (_, rest) = context.split_once(", line ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
