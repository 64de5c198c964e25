//! The key for tokens if none is configured: generated once and kept in the data folder, so that a restart signs nobody
//! out. Never used in `prod`.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;

use anyhow::Context as _;

use crate::config::secret::Secret;

/// Reads the key, or generates one.
pub(super) fn read_or_generate(data_dir: &Path) -> anyhow::Result<Secret<String>> {
    let path = data_dir.join("jwt-secret");
    fs::create_dir_all(data_dir).with_context(|| format!("the folder {} cannot be created", data_dir.display()))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(&path) {
        Ok(mut file) => {
            let mut words = [0_u64; 4];
            for word in &mut words {
                *word = getrandom::u64().context("the system gave no random bytes")?;
            }
            let text = words.map(|word| format!("{word:016x}")).concat();
            file.write_all(text.as_bytes()).with_context(|| format!("{} cannot be written", path.display()))?;
            Ok(Secret::new(text))
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let mut text = String::new();
            let read = fs::File::open(&path).and_then(|mut file| file.read_to_string(&mut text));
            read.with_context(|| format!("{} cannot be read", path.display()))?;
            anyhow::ensure!(text.len() >= 32, "{} is damaged; delete it, and a new key is generated", path.display());
            Ok(Secret::new(text))
        }
        Err(error) => Err(error).with_context(|| format!("{} cannot be created", path.display())),
    }
}
