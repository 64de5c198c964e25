//! Dumps come from outside: every line can contain anything.

use std::path::PathBuf;

use super::TakeOverBench;

/// A valid dump of a small sample, and a database to import it into.
struct Dumped {
    bench: TakeOverBench,
    text: String,
}

impl Dumped {
    async fn new() -> Self {
        let (there, bench) = (TakeOverBench::original(1000).await, TakeOverBench::empty().await);
        let file = bench.folder.path().join("good.sql");
        there.dump(&file, &[]).await;
        Self { bench, text: std::fs::read_to_string(file).expect("text") }
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path: PathBuf = self.bench.folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        path.to_str().expect("a path").to_owned()
    }

    /// Checks that a dump is refused with this exit code and these words, and that nothing is left.
    #[track_caller]
    fn refused<'a>(&'a self, bytes: &'a [u8], code: i32, words: &'a [&str]) -> impl Future<Output = ()> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let file = self.write("bad.sql", bytes);
            let ran = self.bench.run(&["--from", &file, "--amounts", "baht", "--yes"]).await;
            assert_eq!(ran.code, code, "{caller}: {ran:?}");
            for word in words.iter().chain(&["nothing was changed"]) {
                assert!(ran.stderr.contains(word), "{word}, {caller}: {ran:?}");
            }
            assert!(!ran.stderr.contains("$2b$"), "{caller}: a hash is shown: {ran:?}");
            self.bench.untouched().await;
        }
    }

    /// The number of the line with this beginning.
    fn line(&self, begin: &str) -> usize {
        1 + self
            .text
            .lines()
            .position(|line| line.starts_with(begin))
            .unwrap_or_else(|| panic!("{begin}: {}", self.text))
    }

    /// The text with one line replaced.
    fn with_line(&self, number: usize, line: &str) -> Vec<u8> {
        let lines = self.text.lines().enumerate();
        lines
            .map(|(index, text)| format!("{}\n", if index + 1 == number { line } else { text }))
            .collect::<String>()
            .into()
    }

    async fn taken(&self, bytes: impl AsRef<[u8]>, arguments: &[&str]) {
        let file = self.write("good.sql", bytes);
        let words = ["50 users and 990 transactions would be taken over"];
        let arguments = [&["--from", &file, "--amounts", "baht", "--dry-run"], arguments].concat();
        self.bench.run(&arguments).await.expect(0, &words);
    }
}

const USERS: &str = "COPY public.\"User\" ";
const TRANSACTIONS: &str = "COPY public.\"Transaction\" ";

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_wrong_is_told_with_its_line_and_without_what_is_in_it() {
    let dumped = Dumped::new().await;
    let (user, row) = (dumped.line(USERS) + 3, dumped.line(TRANSACTIONS) + 500);
    let whole: Vec<&str> = dumped.text.lines().collect();
    let at = |line: usize| format!("bad.sql, line {line}: ");
    let hash = "1\t$2b$10$secret";
    for (line, text, problem) in [
        (user, hash.to_owned(), "missing data for column"),
        (user, format!("{}\tmore", whole[user - 1]), "extra data after last expected column"),
        (
            user,
            whole[user - 1].replace("2026-02-16 00:00:00", "$2b$10$secret"),
            "invalid input syntax for type timestamp",
        ),
        (user, whole[user].to_owned(), "duplicate key value"),
        (row, whole[row - 1].replace("EXPENSE", "GIFT").replace("INCOME", "GIFT"), "invalid input value for enum"),
        (row, "9999999999\tx\t1\tINCOME\tx\t2026-01-01\t1\t\\N".to_owned(), "out of range for type integer"),
        (row, String::new(), "invalid input syntax for type integer"),
        (row, "500\t\\xff\t1\tINCOME\tx\t2026-01-01\t1\t\\N".to_owned(), "invalid byte sequence"),
        (row, "500\t\\000\t1\tINCOME\tx\t2026-01-01\t1\t\\N".to_owned(), "invalid byte sequence"),
        (row, format!("500\t{}\t1\tINCOME\tx\t2026-01-01\t1\t\\N", "x".repeat(1024 * 1024)), "more than 1048576 bytes"),
    ] {
        let told = at(if problem == "duplicate key value" { line + 1 } else { line });
        dumped.refused(&dumped.with_line(line, &text), 1, &[&told, problem]).await;
    }
    let mut bytes = dumped.with_line(row, "x");
    let place = bytes.windows(3).position(|some| some == b"\nx\n").expect("the row") + 1;
    bytes[place] = 0xff;
    dumped.refused(&bytes, 1, &[&at(row), "invalid byte sequence"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_was_cut_off_is_refused_wherever_it_was() {
    let dumped = Dumped::new().await;
    let end = dumped.text.rfind("\n\\.\n").expect("the end of the rows");
    let begin = dumped.text.find("COPY public.").expect("the first rows");
    for part in 1..12 {
        let cut = begin + (end - begin) * part / 12;
        dumped.refused(&dumped.text.as_bytes()[..cut], 1, &["the file is incomplete"]).await;
    }
    dumped.refused(&dumped.text.as_bytes()[..=end], 1, &["in the middle of the rows"]).await;
    dumped.refused(&dumped.text.as_bytes()[..begin], 2, &["has no rows of \"User\" and \"Transaction\""]).await;
    dumped.refused(b"", 2, &["has no rows of"]).await;
    // A compressed dump, too.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, dumped.text.as_bytes()).expect("packed");
    let packed = encoder.finish().expect("packed");
    dumped.taken(&packed, &[]).await;
    dumped.refused(&packed[..packed.len() / 2], 1, &["reading failed"]).await;
    // Without its last lines the dump has all rows, but not the positions of the sequences.
    let file = dumped.write("short.sql", &dumped.text[..end + 4]);
    let note = "note: the dump does not contain the position of the sequence of \"Transaction\"";
    let arguments = ["--from", &file, "--amounts", "baht", "--dry-run"];
    dumped.bench.run(&arguments).await.expect(0, &[note, "next transaction id", "991"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_plain_dump_of_the_originals_is_told_what_to_do() {
    let dumped = Dumped::new().await;
    let there = TakeOverBench::original(1000).await;
    for (arguments, words) in [
        (&["--format=custom"][..], "pg_restore -f dump.sql"),
        (&["--format=tar"], "pg_restore -f dump.sql"),
        (&["--format=directory"], "pg_restore -f dump.sql"),
        (&["--inserts"], "create one without `--inserts`"),
        (&["--schema-only"], "as `pg_dump` writes them to a plain dump with data"),
        (&["--encoding=LATIN1", "--table=_prisma_migrations"], "pg_dump --encoding UTF8"),
        (&["--exclude-table-data=\"User\""], "has no rows of \"User\" in"),
    ] {
        // A folder for each, because one of the formats is a folder itself.
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("dump");
        there.dump(&file, arguments).await;
        let run = ["--from", file.to_str().expect("a path"), "--amounts", "baht", "--yes"];
        dumped.bench.run(&run).await.expect(2, &[words, "nothing was changed"]);
    }
    let missing = dumped.bench.run(&["--from", "no-such-file.sql", "--amounts", "baht", "--yes"]).await;
    missing.expect(1, &["no-such-file.sql cannot be read"]);
    dumped.refused(b"\x28\xb5\x2f\xfd....", 2, &["is compressed by zstd"]).await;
    let twice = format!("{0}{0}", dumped.text);
    dumped.refused(twice.as_bytes(), 2, &["a second time"]).await;
    let other = dumped.text.replace("public.\"User\" (", "old.\"User\" (");
    dumped.refused(other.as_bytes(), 2, &["--schema \"old\""]).await;
    let another = dumped.text.replace("\"User\" (id, email, password", "\"User\" (id, address, password");
    dumped.refused(another.as_bytes(), 2, &["no column email"]).await;
    dumped.bench.untouched().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_is_read_with_its_columns_in_any_order_and_more_of_them() {
    let dumped = Dumped::new().await;
    // Line ends of another system.
    dumped.taken(dumped.text.replace('\n', "\r\n"), &[]).await;
    // Without schemas, and in another schema.
    dumped.taken(dumped.text.replace("COPY public.", "COPY "), &[]).await;
    dumped.taken(dumped.text.replace("public.", "old."), &["--schema", "old"]).await;
    // Through a pipe.
    let file = dumped.write("piped.sql", &dumped.text);
    let mut command = dumped.bench.command(&["--from", "-", "--amounts", "baht", "--dry-run"]);
    command.stdin(std::fs::File::open(file).expect("a file"));
    super::ran(command).await.expect(0, &["50 users and 990 transactions would be taken over"]);
    // Rows of other tables, one of which looks like the original's, and lines of any length between them.
    let others = "COPY public.x (a) FROM stdin;\nCOPY public.\"User\" (id) FROM stdin;\n\\.\n";
    let long = format!("-- {}\n", "x".repeat(3 * 1024 * 1024));
    dumped.taken(format!("{others}{long}{}", dumped.text), &[]).await;
    let there = TakeOverBench::original(1000).await;
    there
        .execute(
            r#"
            alter table "User" add column phone text, add column "a""b" int default 7;
            update "User" set phone = E'tab\tand\\backslash';
            alter table "Transaction" drop column "titleEn";
            alter table "Transaction" add column "titleEn" text;
            alter table "Transaction" drop column title;
            alter table "Transaction" add column title text not null default E'a\tb\\.\nc\\N'"#,
        )
        .await;
    let file = dumped.bench.folder.path().join("more.sql");
    there.dump(&file, &["--data-only"]).await;
    let arguments = ["--from", file.to_str().expect("a path"), "--amounts", "baht", "--yes"];
    dumped.bench.run(&arguments).await.expect(0, &["50 users and 990 transactions were taken over"]);
    let titles = "select count(*) from transactions where title = E'a\tb\\\\.\nc\\\\N' and title_en is null";
    assert_eq!(dumped.bench.count(titles).await, 990);
}
