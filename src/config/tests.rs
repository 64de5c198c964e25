use super::*;

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn load(profile: Profile, pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::load(&environment(pairs), &Flags::new(), Some(profile), ConfigPurpose::Serve)
}

fn message(result: Result<Config, ConfigError>) -> String {
    result.expect_err("a mistake").to_string()
}

const GOOD_SECRET: &str = "vT4qLw0nXz8uJc2hRb6yKd1mPf5sGa9eVi3oYt7x";

#[test]
fn dev_needs_nothing() {
    let config = load(Profile::Dev, &[]).expect("a configuration");
    assert!(matches!(config.database.location, Location::Embedded));
    assert_eq!(config.server.address.to_string(), "127.0.0.1:3000");
    assert_eq!(config.migrations.on_boot, OnBoot::Apply);
    assert_eq!(config.auth.min_password_length, 6);
}

#[test]
fn prod_names_everything_that_is_missing_at_once() {
    let message = message(load(Profile::Prod, &[]));
    assert!(message.contains("has 2 mistakes"), "{message}");
    assert!(message.contains("JWT_SECRET") && message.contains("DATABASE_URL"), "{message}");
}

#[test]
fn work_on_the_database_needs_no_secret_for_tokens() {
    let pairs = environment(&[("DATABASE_URL", "postgres://u:p@h/d")]);
    Config::load(&pairs, &Flags::new(), Some(Profile::Prod), ConfigPurpose::Maintain).expect("a configuration");
}

#[test]
fn prod_is_safe_by_default() {
    let pairs = [("JWT_SECRET", GOOD_SECRET), ("DATABASE_URL", "postgres://u:p@h/d")];
    let config = load(Profile::Prod, &pairs).expect("a configuration");
    assert_eq!(config.migrations.on_boot, OnBoot::Check);
    assert_eq!(config.server.cors, CorsOrigins::These(Vec::new()));
    assert_eq!(config.auth.min_password_length, 8);
    assert!(config.auth.refuse_common_passwords);
}

#[test]
fn a_mistake_names_the_key_where_it_was_set_and_what_is_allowed() {
    let message = message(load(Profile::Dev, &[("PORT", "99999"), ("APP_LOG__FORMAT", "xml")]));
    assert!(message.contains("server.port: `99999` (from the environment variable PORT) is not a port"), "{message}");
    assert!(message.contains("log.format: `xml` (from the environment variable APP_LOG__FORMAT)"), "{message}");
}

#[test]
fn threads_and_connections_follow_the_processors_and_have_their_bounds() {
    let config = load(Profile::Dev, &[]).expect("a configuration");
    assert!(config.server.worker_threads >= 1 && config.database.max_connections >= 8);
    for (threads, connections) in [("0", "0"), ("1025", "0"), ("70000", "-1"), ("many", "")] {
        let pairs = [("APP_SERVER__WORKER_THREADS", threads), ("APP_DATABASE__MAX_CONNECTIONS", connections)];
        let message = message(load(Profile::Dev, &pairs));
        assert!(message.contains("server.worker_threads: "), "{message}");
    }
    let most = load(Profile::Dev, &[("APP_SERVER__WORKER_THREADS", "1024")]).expect("a configuration");
    assert_eq!(most.server.worker_threads, 1024);
}

#[test]
fn a_key_that_nobody_knows_is_a_mistake() {
    let message = message(load(Profile::Dev, &[("APP_SERVER__PROT", "80")]));
    assert!(
        message.contains("server.prot: no such setting (from the environment variable APP_SERVER__PROT)"),
        "{message}"
    );
    assert!(message.contains("server.port"), "{message}");
    load(Profile::Dev, &[("APP_NAME", "of somebody else")]).expect("not ours to judge");
}

#[test]
fn the_command_line_wins_over_the_environment_and_that_over_the_files() {
    let flags = Flags::from([("server.port", "4002".to_owned())]);
    let pairs = environment(&[("PORT", "4001"), ("APP_SERVER__HOST", "::1")]);
    let config = Config::load(&pairs, &flags, Some(Profile::Dev), ConfigPurpose::Serve).expect("a configuration");
    assert_eq!(config.server.address.to_string(), "[::1]:4002");
    let port = config.settings.iter().find(|shown| shown.key == "server.port").expect("shown");
    assert_eq!(port.origin, "the command line");
}

#[test]
fn a_file_comes_on_top_of_the_built_in_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.toml");
    std::fs::write(&path, "[default.server]\nport = 4003\n[dev.throttle]\nlimit = 7\n").expect("written");
    let path = path.to_str().expect("a path");
    let config = load(Profile::Dev, &[("APP_CONFIG", path)]).expect("a configuration");
    assert_eq!((config.server.address.port(), config.throttle.limit), (4003, 7));
    let message = message(load(Profile::Dev, &[("APP_CONFIG", "/nowhere/app.toml")]));
    assert!(message.contains("/nowhere/app.toml cannot be read"), "{message}");
}

#[test]
fn a_secret_may_come_from_a_file_and_is_never_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("secret");
    std::fs::write(&path, format!("{GOOD_SECRET}\n")).expect("written");
    let path = path.to_str().expect("a path");
    let url = "postgres://u:hunter2@h/d";
    let config = load(Profile::Prod, &[("JWT_SECRET_FILE", path), ("DATABASE_URL", url)]).expect("a configuration");
    assert_eq!(config.auth.jwt_secret.as_ref().expect("a secret").expose(), GOOD_SECRET);
    let everything = format!("{config:?}");
    assert!(!everything.contains(GOOD_SECRET) && !everything.contains("hunter2"), "{everything}");
    let message =
        message(load(Profile::Prod, &[("JWT_SECRET_FILE", path), ("JWT_SECRET", GOOD_SECRET), ("DATABASE_URL", url)]));
    assert!(message.contains("JWT_SECRET is set as well"), "{message}");
}

#[test]
fn a_wrong_secret_value_is_not_in_the_message() {
    let message = message(load(Profile::Dev, &[("DATABASE_URL", "mysql://u:hunter2@h/d")]));
    assert!(message.contains("database.url") && !message.contains("hunter2"), "{message}");
}

#[test]
fn a_throttle_time_is_read_as_either_version_of_the_original_has_it() {
    for (text, seconds) in [("60", 60), ("60000", 60), ("60s", 60), ("1m", 60)] {
        let config = load(Profile::Dev, &[("THROTTLE_TTL", text)]).expect("a configuration");
        assert_eq!(config.throttle.ttl.as_secs(), seconds, "{text}");
    }
    assert!(message(load(Profile::Dev, &[("THROTTLE_TTL", "soon")])).contains("throttle.ttl"));
}

#[test]
fn an_unknown_profile_is_a_mistake() {
    let error = Config::load(&environment(&[("APP_PROFILE", "staging")]), &Flags::new(), None, ConfigPurpose::Serve)
        .expect_err("a mistake");
    assert!(error.to_string().contains("`staging` is not a profile"), "{error}");
}

#[test]
fn in_prod_no_other_site_may_call_unless_it_is_named() {
    let with = |origins| {
        load(
            Profile::Prod,
            &[("JWT_SECRET", GOOD_SECRET), ("DATABASE_URL", "postgres://h/d"), ("APP_SERVER__CORS_ORIGINS", origins)],
        )
    };
    assert!(message(with("*")).contains("server.cors_origins"));
    assert!(message(with("https://a.example/path")).contains("server.cors_origins"));
    let config = with("https://a.example, http://localhost:8080").expect("a configuration");
    assert_eq!(
        config.server.cors,
        CorsOrigins::These(vec!["https://a.example".to_owned(), "http://localhost:8080".to_owned()])
    );
}

#[test]
fn the_history_is_kept_as_long_as_the_trash_that_is_made_of_it() {
    let config = load(Profile::Dev, &[]).expect("a configuration");
    assert_eq!(config.history.retention.as_secs(), 365 * 86_400);
    let message = message(load(Profile::Dev, &[("APP_HISTORY__RETENTION", "29days")]));
    assert!(message.contains("history.retention: less than history.trash_retention"), "{message}");
    load(Profile::Dev, &[("APP_HISTORY__RETENTION", "30days")]).expect("as long");
}

#[test]
fn quotas_have_bounds_and_are_shown() {
    let config = load(Profile::Prod, &[("JWT_SECRET", GOOD_SECRET), ("DATABASE_URL", "postgres://u:p@h/d")]);
    let config = config.expect("a configuration");
    assert!(
        config
            .settings
            .iter()
            .any(|shown| shown.key == "quotas.transactions" && shown.value.as_deref() == Some("1000000"))
    );
    for (key, value, told) in [
        ("APP_QUOTAS__TRANSACTIONS", "0", "quotas.transactions: out of range; a whole number of at least 1"),
        ("APP_QUOTAS__TAGS", "many", "quotas.tags: `many`"),
        ("APP_QUOTAS__CATEGORY_DEPTH", "101", "a whole number from 1 to 100"),
        ("APP_QUOTAS__TAGS_PER_TRANSACTION", "49", "a whole number of at least 50"),
        ("APP_QUOTAS__TEXT_BYTES", "99999999999999999999", "quotas.text_bytes"),
    ] {
        let message = message(load(Profile::Dev, &[(key, value)]));
        assert!(message.contains(told), "{message}");
    }
}
