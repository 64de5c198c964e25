//! Finds PostgreSQL's server programs on this machine.

use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::data_dir::DataDir;
use crate::error::EmbeddedProblem;

/// The oldest supported major version.
const LEAST: u32 = 15;

/// Directories with a folder for each installed version: the directory, the prefix of the folder, and the path in it.
const VERSIONED: [(&str, &str, &str); 6] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/usr/libexec", "postgresql", ""),
    ("/opt/homebrew/opt", "postgresql", "bin"),
    ("/usr/local/opt", "postgresql", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// A version of PostgreSQL. Pre-releases count as the minor version 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ServerVersion {
    pub(crate) major: u32,
    pub(crate) minor: u32,
}

/// The server programs of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerPrograms {
    directory: PathBuf,
    pub(crate) version: ServerVersion,
}

impl ServerPrograms {
    pub(crate) fn postgres(&self) -> PathBuf {
        self.directory.join("postgres")
    }

    pub(crate) fn initdb(&self) -> PathBuf {
        self.directory.join("initdb")
    }

    /// Finds the programs for a database: those of the major version of its data, else the newest.
    pub(crate) fn find(explicit: Option<&Path>, needed: Option<u32>, home: &DataDir) -> Result<Self, EmbeddedProblem> {
        let found = if let Some(directory) = explicit {
            let unusable = |reason| EmbeddedProblem::UnusablePrograms { directory: directory.to_owned(), reason };
            let programs = Self::at(directory).map_err(unusable)?;
            if programs.version.major < LEAST {
                return Err(unusable(format!("it is version {}", programs.version.major)));
            }
            vec![programs]
        } else {
            let (found, too_old): (Vec<_>, Vec<_>) =
                installed(&places()).into_iter().partition(|programs| programs.version.major >= LEAST);
            if found.is_empty() {
                let places = searched_places(&too_old);
                // The system's own package is installed already.
                let install = if too_old.is_empty() { how_to_install(None) } else { how_to_install_newer() };
                return Err(EmbeddedProblem::NoPrograms { least: LEAST, places, install });
            }
            found
        };
        let fits = |programs: &&Self| needed.is_none_or(|major| programs.version.major == major);
        match (found.iter().filter(fits).max_by_key(|programs| programs.version), needed) {
            (Some(programs), _) => Ok(programs.clone()),
            (None, needed) => Err(wrong_major(home, needed.unwrap_or(LEAST), &found)),
        }
    }

    /// The programs in a directory, or the reason why they are not usable.
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
            .ok_or_else(|| format!("`{} --version` prints no version but {said:?}", postgres.display()))?;
        Ok(Self { directory, version })
    }
}

/// The installed programs. Links to the same programs count once.
fn installed(places: &[PathBuf]) -> Vec<ServerPrograms> {
    let mut found: Vec<ServerPrograms> = Vec::new();
    let mut seen = Vec::new();
    for place in places {
        let Ok(real) = place.join("postgres").canonicalize() else { continue };
        if !seen.contains(&real) {
            seen.push(real);
            found.extend(ServerPrograms::at(place));
        }
    }
    found
}

/// The places where programs may be, in the order of preference.
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

/// The searched places for a message, and the programs that are too old.
fn searched_places(too_old: &[ServerPrograms]) -> String {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut lines = vec![
        "  the folder that `pg_config --bindir` prints".to_owned(),
        format!("  the folders of PATH ({})", path.display()),
    ];
    lines.extend(VERSIONED.map(|(parent, prefix, suffix)| format!("  {parent}/{prefix}*/{suffix}")));
    lines.extend(too_old.iter().map(|programs| format!("  found, but too old: {programs}")));
    lines.join("\n")
}

impl fmt::Display for ServerPrograms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ServerVersion { major, minor } = self.version;
        write!(f, "PostgreSQL {major}.{minor} ({})", self.directory.display())
    }
}

fn wrong_major(home: &DataDir, needed: u32, found: &[ServerPrograms]) -> EmbeddedProblem {
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    EmbeddedProblem::WrongMajor {
        directory: home.path().to_owned(),
        needed,
        found: found.join(", "),
        install: how_to_install(Some(needed)),
    }
}

/// `postgres (PostgreSQL) 15.18 (Debian …)`, `postgres (PostgreSQL) 16beta1`.
fn parse_version(said: &str) -> Option<ServerVersion> {
    let number = said.split_once("(PostgreSQL)")?.1.split_whitespace().next()?;
    let digits = |text: &str| {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text[..end].parse::<u32>().ok()
    };
    let minor = number.split_once('.').and_then(|(_, minor)| digits(minor)).unwrap_or(0);
    Some(ServerVersion { major: digits(number)?, minor })
}

/// The command that installs PostgreSQL on this system.
fn how_to_install(major: Option<u32>) -> String {
    let release = ["/etc/os-release", "/usr/lib/os-release"].iter().find_map(|path| fs::read_to_string(path).ok());
    install_command(env::consts::OS, &release.unwrap_or_default(), major)
}

/// The version that is recommended if the installed one is too old.
const RECOMMENDED: u32 = 17;

/// The way to install a newer PostgreSQL than the system's.
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
}
