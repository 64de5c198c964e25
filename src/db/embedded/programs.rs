//! Finding PostgreSQL's server programs on this machine.

use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::EmbeddedError;
use super::home::Home;

/// The least major version that serves.
const LEAST: u32 = 15;

/// Directories that hold a `bin` for each installed version: where to look, how the names in there begin, and what
/// follows them.
const VERSIONED: [(&str, &str, &str); 6] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/usr/libexec", "postgresql", ""),
    ("/opt/homebrew/opt", "postgresql", "bin"),
    ("/usr/local/opt", "postgresql", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// A version of PostgreSQL. Data belongs to a major version; pre-releases count as the minor version 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    pub(super) major: u32,
    pub(super) minor: u32,
}

/// The server programs of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Programs {
    directory: PathBuf,
    pub(super) version: Version,
}

impl Programs {
    pub(super) fn postgres(&self) -> PathBuf {
        self.directory.join("postgres")
    }

    pub(super) fn initdb(&self) -> PathBuf {
        self.directory.join("initdb")
    }

    /// The programs for a database: of the major version of its data if it has any, else the newest.
    pub(super) fn find(explicit: Option<&Path>, needed: Option<u32>, home: &Home) -> Result<Self, EmbeddedError> {
        let found = if let Some(directory) = explicit {
            let unusable = |reason| EmbeddedError::UnusablePrograms { directory: directory.to_owned(), reason };
            let programs = Self::at(directory).map_err(unusable)?;
            if programs.version.major < LEAST {
                return Err(unusable(format!("it is version {}", programs.version.major)));
            }
            vec![programs]
        } else {
            let (found, too_old): (Vec<_>, Vec<_>) =
                installed(&places()).into_iter().partition(|programs| programs.version.major >= LEAST);
            if found.is_empty() {
                let places = looked_for(&too_old);
                // The system's own package is what is there already.
                let install = if too_old.is_empty() { how_to_install(None) } else { how_to_install_newer() };
                return Err(EmbeddedError::NoPrograms { least: LEAST, places, install });
            }
            found
        };
        let fits = |programs: &&Self| needed.is_none_or(|major| programs.version.major == major);
        match (found.iter().filter(fits).max_by_key(|programs| programs.version), needed) {
            (Some(programs), _) => Ok(programs.clone()),
            (None, needed) => Err(wrong_major(home, needed.unwrap_or(LEAST), &found)),
        }
    }

    /// The programs in a directory, or the reason why they do not serve.
    fn at(directory: &Path) -> Result<Self, String> {
        // PostgreSQL finds its libraries and its other files relative to the real program, not to a link to it.
        let postgres = directory.join("postgres").canonicalize().map_err(|error| format!("`postgres`: {error}"))?;
        let directory = postgres.parent().unwrap_or(directory).to_owned();
        if !directory.join("initdb").is_file() {
            return Err(format!("there is no `initdb` in {}", directory.display()));
        }
        let output = Command::new(&postgres)
            .arg("--version")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("{} cannot be run: {error}", postgres.display()))?;
        let said = String::from_utf8_lossy(&output.stdout);
        let version = parse_version(&said)
            .ok_or_else(|| format!("`{} --version` does not tell its version but {said:?}", postgres.display()))?;
        Ok(Self { directory, version })
    }
}

/// What there is, without what is there twice by way of links.
fn installed(places: &[PathBuf]) -> Vec<Programs> {
    let mut found: Vec<Programs> = Vec::new();
    let mut seen = Vec::new();
    for place in places {
        let Ok(real) = place.join("postgres").canonicalize() else { continue };
        if !seen.contains(&real) {
            seen.push(real);
            found.extend(Programs::at(place));
        }
    }
    found
}

/// Where programs may be, the better places first.
fn places() -> Vec<PathBuf> {
    let mut places = Vec::new();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").stdin(Stdio::null()).stderr(Stdio::null()).output() {
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        places.extend(Some(said).filter(|said| output.status.success() && !said.is_empty()).map(PathBuf::from));
    }
    if let Some(path) = env::var_os("PATH") {
        places.extend(env::split_paths(&path).filter(|path| path.is_absolute()));
    }
    for (parent, prefix, suffix) in VERSIONED {
        let Ok(entries) = fs::read_dir(parent) else { continue };
        let named = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
        places.extend(named.map(|entry| entry.path().join(suffix)));
    }
    places
}

/// The places in words, and what in them does not serve.
fn looked_for(too_old: &[Programs]) -> String {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut lines =
        vec!["  what `pg_config --bindir` names".to_owned(), format!("  the folders of PATH ({})", path.display())];
    lines.extend(VERSIONED.map(|(parent, prefix, suffix)| format!("  {parent}/{prefix}*/{suffix}")));
    lines.extend(too_old.iter().map(|programs| format!("  found, but too old: {programs}")));
    lines.join("\n")
}

impl fmt::Display for Programs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Version { major, minor } = self.version;
        write!(f, "PostgreSQL {major}.{minor} ({})", self.directory.display())
    }
}

fn wrong_major(home: &Home, needed: u32, found: &[Programs]) -> EmbeddedError {
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    EmbeddedError::WrongMajor {
        directory: home.path().to_owned(),
        needed,
        found: found.join(", "),
        install: how_to_install(Some(needed)),
    }
}

/// `postgres (PostgreSQL) 15.18 (Debian …)`, `postgres (PostgreSQL) 16beta1`.
fn parse_version(said: &str) -> Option<Version> {
    let number = said.split_once("(PostgreSQL)")?.1.split_whitespace().next()?;
    let digits = |text: &str| {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text[..end].parse::<u32>().ok()
    };
    let minor = number.split_once('.').and_then(|(_, minor)| digits(minor)).unwrap_or(0);
    Some(Version { major: digits(number)?, minor })
}

/// How this system installs PostgreSQL.
fn how_to_install(major: Option<u32>) -> String {
    let release = ["/etc/os-release", "/usr/lib/os-release"].iter().find_map(|path| fs::read_to_string(path).ok());
    install_command(env::consts::OS, &release.unwrap_or_default(), major)
}

/// The version that is named to who has one that is too old.
const RECOMMENDED: u32 = 17;

/// How a newer PostgreSQL than the system's is installed.
fn how_to_install_newer() -> String {
    format!(
        "{}, from the packages of the PostgreSQL project, as https://www.postgresql.org/download/ says for this system (for \
         Debian and Ubuntu: apt.postgresql.org)",
        how_to_install(Some(RECOMMENDED))
    )
}

fn install_command(system: &str, release: &str, major: Option<u32>) -> String {
    let named = |prefix| {
        let value = release.lines().find_map(|line: &str| line.strip_prefix(prefix)).unwrap_or_default();
        value.trim_matches('"').to_owned()
    };
    let family = format!("{} {}", named("ID="), named("ID_LIKE="));
    let is = |name| family.split_whitespace().any(|word| word == name);
    let version = |glue: &str| major.map_or_else(String::new, |major| format!("{glue}{major}"));
    if system == "macos" {
        format!("brew install postgresql@{}", major.unwrap_or(17))
    } else if is("debian") || is("ubuntu") {
        format!("apt-get install postgresql{}", version("-"))
    } else if is("fedora") || is("rhel") || is("centos") {
        format!("dnf install postgresql{}-server", version(""))
    } else if is("alpine") {
        format!("apk add postgresql{}", version(""))
    } else if is("arch") {
        "pacman -S postgresql".to_owned()
    } else if is("suse") || is("opensuse") {
        format!("zypper install postgresql{}-server", version(""))
    } else {
        format!("your system's package of the PostgreSQL{} server", version(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_in_all_their_forms() {
        let read = |text| parse_version(text).map(|version| (version.major, version.minor));
        assert_eq!(read("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some((15, 18)));
        assert_eq!(read("postgres (PostgreSQL) 16beta2"), Some((16, 0)));
        assert_eq!(read("postgres (PostgreSQL) 18.6"), Some((18, 6)));
        assert_eq!(read("postgres (PostgreSQL) 19devel"), Some((19, 0)));
        assert_eq!(read("postgres (EnterpriseDB) 9"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn the_package_is_named_as_the_system_names_it() {
        let debian = "NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n";
        assert_eq!(install_command("linux", debian, None), "apt-get install postgresql");
        assert_eq!(install_command("linux", debian, Some(16)), "apt-get install postgresql-16");
        let mint = "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n";
        assert_eq!(install_command("linux", mint, None), "apt-get install postgresql");
        let rocky = "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n";
        assert_eq!(install_command("linux", rocky, None), "dnf install postgresql-server");
        assert_eq!(install_command("linux", "ID=alpine\n", Some(17)), "apk add postgresql17");
        assert_eq!(install_command("macos", "", None), "brew install postgresql@17");
        assert_eq!(install_command("linux", "", None), "your system's package of the PostgreSQL server");
        assert_eq!(install_command("linux", "", Some(16)), "your system's package of the PostgreSQL 16 server");
    }

    #[test]
    fn nothing_found_names_the_three_ways_on() {
        let places = "  /usr/bin (PATH)".to_owned();
        let install = "apt-get install postgresql".to_owned();
        let message = EmbeddedError::NoPrograms { least: LEAST, places, install }.to_string();
        for part in ["/usr/bin (PATH)", "apt-get install postgresql", "docker compose -f", "DATABASE_URL"] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
}
