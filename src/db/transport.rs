//! Checks if a connection to the database could be read, or answered, by a third party.

use std::net::IpAddr;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// A warning for the log, if the database is on another machine and the connection does not verify the server's
/// identity. Encryption without verification only keeps out passive listeners.
///
/// Sockets, the local machine, and host names without a dot (which only the container network or the local machine
/// knows) need no encryption.
#[must_use]
pub fn warning(options: &PgConnectOptions) -> Option<String> {
    let host = options.get_host();
    if options.get_socket().is_some() || is_near(host) {
        return None;
    }
    let (mode, danger) = match options.get_ssl_mode() {
        PgSslMode::VerifyCa | PgSslMode::VerifyFull => return None,
        PgSslMode::Require => ("require", "anyone who can impersonate the server can read and change everything"),
        PgSslMode::Prefer => ("prefer", "it falls back to no encryption"),
        PgSslMode::Allow => ("allow", "it is not encrypted unless the server insists"),
        PgSslMode::Disable => ("disable", "it is not encrypted"),
    };
    Some(format!(
        "the connection to the database at {host} is not secured (sslmode={mode}): {danger}; set sslmode=verify-full \
         and sslrootcert in its URL, as docs/docker.md says under \"TLS to the database\""
    ))
}

fn is_near(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => !host.trim_end_matches('.').contains('.'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warned(url: &str) -> Option<String> {
        warning(&url.parse().expect("a URL"))
    }

    #[test]
    fn a_database_elsewhere_has_to_prove_that_it_is_the_right_one() {
        for mode in ["disable", "allow", "prefer", "require"] {
            let told = warned(&format!("postgres://u:secret@db.example.com/d?sslmode={mode}")).expect(mode);
            assert!(told.contains(&format!("sslmode={mode}")) && told.contains("db.example.com"), "{told}");
            assert!(!told.contains("secret"), "{told}");
        }
        assert!(
            warned("postgres://u@10.0.0.5/d?sslmode=require").is_some(),
            "a private network is one with others on it"
        );
        for mode in ["verify-ca", "verify-full"] {
            assert_eq!(warned(&format!("postgres://u@db.example.com/d?sslmode={mode}")), None);
        }
    }

    #[test]
    fn what_is_near_needs_no_encryption() {
        for url in [
            "postgres://u@localhost/d?sslmode=disable",
            "postgres://u@127.0.0.1/d",
            "postgres://u@[::1]/d",
            "postgres://u@postgres:5432/d",
            "postgres://u@%2Frun%2Fpostgresql/d",
        ] {
            assert_eq!(warned(url), None, "{url}");
        }
    }
}
