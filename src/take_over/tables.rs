//! The two tables of the original.

/// A table of the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OriginalTable {
    User,
    Transaction,
}

/// The number of bytes that are sent to PostgreSQL at a time.
pub(super) const CHUNK_BYTES: usize = 64 * 1024;

/// A column: its name, its accepted types, and true if it may be missing, as before the original's second migration.
pub(super) type OriginalColumn = (&'static str, &'static [&'static str], bool);

const MOMENT: &[&str] = &["timestamp without time zone"];

impl OriginalTable {
    pub(super) const BOTH: [Self; 2] = [Self::User, Self::Transaction];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Transaction => "Transaction",
        }
    }

    pub(super) const fn sequence(self) -> &'static str {
        match self {
            Self::User => "User_id_seq",
            Self::Transaction => "Transaction_id_seq",
        }
    }

    /// The name of the view or copy that all later steps read.
    pub(super) const fn view_name(self) -> &'static str {
        match self {
            Self::User => "original_users",
            Self::Transaction => "original_transactions",
        }
    }

    pub(super) const fn columns(self) -> &'static [OriginalColumn] {
        match self {
            Self::User => &[
                ("id", &["integer"], false),
                ("email", &["text"], false),
                ("password", &["text"], false),
                ("name", &["text"], true),
                ("createdAt", MOMENT, false),
                ("updatedAt", MOMENT, false),
            ],
            Self::Transaction => &[
                ("id", &["integer"], false),
                ("title", &["text"], false),
                ("amount", &["integer"], false),
                ("type", &["TransactionType"], false),
                ("category", &["text"], false),
                ("date", MOMENT, false),
                ("userId", &["integer"], false),
                ("titleEn", &["text"], true),
            ],
        }
    }
}

/// The next ids of the original, as far as they are known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct NextIds {
    pub users: Option<i64>,
    pub transactions: Option<i64>,
}

/// The temporary tables for rows from another database or a dump.
pub(super) const COPIES: &str = r#"
create temp table original_users (
    id integer primary key,
    email text not null,
    password text not null,
    name text,
    "createdAt" timestamp(3) not null,
    "updatedAt" timestamp(3) not null
) on commit drop;
create temp table original_transactions (
    id integer primary key,
    title text not null,
    amount integer not null,
    type transaction_type not null,
    category text not null,
    date timestamp(3) not null,
    "userId" integer not null,
    "titleEn" text
) on commit drop;
"#;
