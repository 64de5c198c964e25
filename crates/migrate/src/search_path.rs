//! Search paths of a session. Our own queries see only `pg_catalog`; scripts see the search path of the database.

/// Looks names up where nobody else can create anything. Otherwise a function or an operator in another schema that fits
/// better than PostgreSQL's own would run in its place, with all privileges of the role.
pub(crate) const CATALOG_PATH: &str = "set search_path = pg_catalog, pg_temp;\n";

/// The same until the end of the transaction. A message of several statements is one.
pub(crate) const LOCAL_CATALOG_PATH: &str = "set local search_path = pg_catalog, pg_temp;\n";

/// Restores the default search path of the database, for scripts.
pub(crate) const DEFAULT_PATH: &str = "set search_path to default;\n";

/// The same until the end of the transaction.
pub(crate) const LOCAL_DEFAULT_PATH: &str = "set local search_path to default;\n";

/// The beginning of a message whose queries need the schemas on the default search path: they are in the setting
/// `migrate.schemas` afterwards. It works on any connection, and nothing of it outlasts the message. It returns one row, which
/// is not part of the answer.
pub(crate) const READ_DEFAULT_SCHEMAS: &str = "\
set local search_path to default;
select 'schemas' as row, pg_catalog.set_config('migrate.schemas', pg_catalog.current_schemas(false)::pg_catalog.text, true);
set local search_path = pg_catalog, pg_temp;
";
