//! `check --fix`: misspelt names are put right, after the lines were shown.
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;

use crate::cli::Terminal;
use crate::config::{self, ConfigError, Environment, Loaded};

/// Writes the file anew when there is a name to put right, and checks it again.
pub(super) fn fix(
    result: Result<Loaded, ConfigError>,
    path: &Path,
    environment: &Environment,
    terminal: &mut Terminal<'_>,
) -> Result<Loaded, ConfigError> {
    let Err(ConfigError::Wrong(findings)) = result else { return result };
    let Some(right) = findings.renamed() else { return Err(ConfigError::Wrong(findings)) };
    terminal.say(&findings.changes(&right));
    if let Err(error) = replace(path, &right) {
        terminal.tell(&format!("cannot write {}: {error}\n", path.display()));
        return Err(ConfigError::Wrong(findings));
    }
    config::load(path, environment)
}

/// Either the old file or the new one is there, never half of one; owner and mode stay.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    // A link goes on pointing at the file.
    let path = fs::canonicalize(path)?;
    let before = fs::metadata(&path)?;
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    let beside = path.with_file_name(name);
    let written = write_like(&beside, text, &before).and_then(|()| fs::rename(&beside, &path));
    if written.is_err() {
        fs::remove_file(&beside).ok();
    }
    written
}

fn write_like(beside: &Path, text: &str, before: &fs::Metadata) -> io::Result<()> {
    let mut file = File::create_new(beside)?;
    file.set_permissions(before.permissions())?;
    // Only root may give a file away; anybody else owns it already or keeps it.
    chown(beside, Some(before.uid()), Some(before.gid())).ok();
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
