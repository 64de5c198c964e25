//! The options of `dev`, for the command line and for programs.

/// The options of [`crate::Migrator::develop`].
#[derive(Debug, Clone, Default, clap::Args)]
pub struct DevelopOptions {
    /// Write the next migration, with this name
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Only write the files, and apply nothing; an empty pair if nothing differs
    #[arg(long, requires = "name")]
    pub create_only: bool,
    /// Make a migration of changes that were made to the database by hand
    #[arg(long, requires = "name", conflicts_with = "create_only")]
    pub adopt: bool,
    /// Agree to the loss of data
    #[arg(long)]
    pub accept_data_loss: bool,
    /// Agree to drop this table or column, such as users.nick; it is not a rename then
    #[arg(long, value_name = "OBJECT")]
    pub drop: Vec<String>,
}
