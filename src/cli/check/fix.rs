//! `check --fix`: misspelt names are put right, after the lines were shown.
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};

use crate::cli::Terminal;
use crate::config::{self, ConfigError, Environment, Findings, Format, Loaded};

/// Writes the file anew when there is a name to put right, and checks it again. The lines are shown beside findings for a
/// person, and on stderr where stdout belongs to a program.
pub(super) fn fix(
    result: Result<Loaded, ConfigError>,
    path: &Path,
    format: Format,
    environment: &Environment,
    terminal: &mut Terminal<'_>,
) -> Result<Loaded, ConfigError> {
    let Err(ConfigError::Wrong(findings)) = result else { return result };
    let Some(right) = put_right(&findings, environment) else { return Err(ConfigError::Wrong(findings)) };
    let lines = findings.changes(&right);
    match format {
        Format::Text => terminal.say(&lines),
        Format::Json | Format::Github => terminal.tell(&lines),
    }
    if let Err((path, error)) = replace(path, &right) {
        terminal.tell(&format!("cannot write {}: {error}\n", path.display()));
        return Err(ConfigError::Wrong(findings));
    }
    config::load(path, environment)
}

/// The text with every sure cure in it. A value is looked at only under a name that is known: so it is read again, until
/// there is nothing more to put right.
fn put_right(findings: &Findings, environment: &Environment) -> Option<String> {
    let mut right = findings.renamed()?;
    for _ in 0..MAX_ROUNDS {
        let Err(ConfigError::Wrong(further)) = config::parse(&right, findings.name(), environment) else { break };
        let Some(next) = further.renamed() else { break };
        right = next;
    }
    Some(right)
}

/// Either the old file or the new one is there, never half of one; owner and mode stay.
fn replace(path: &Path, text: &str) -> Result<(), (PathBuf, io::Error)> {
    // A link goes on pointing at the file.
    let path = fs::canonicalize(path).map_err(|error| (path.to_path_buf(), error))?;
    let before = fs::metadata(&path).map_err(|error| (path.clone(), error))?;
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    let beside = path.with_file_name(name);
    // One that is there already is somebody's, and stays.
    let mut file = File::create_new(&beside).map_err(|error| (beside.clone(), error))?;
    let written = write_like(&mut file, &beside, text, &before).and_then(|()| fs::rename(&beside, &path));
    if written.is_err() {
        fs::remove_file(&beside).ok();
    }
    written.map_err(|error| (path, error))
}

fn write_like(file: &mut File, beside: &Path, text: &str, before: &fs::Metadata) -> io::Result<()> {
    file.set_permissions(before.permissions())?;
    // Only root may give a file away; anybody else owns it already or keeps it.
    chown(beside, Some(before.uid()), Some(before.gid())).ok();
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A table, a key and a value are three; a file that needs more is fixed again.
const MAX_ROUNDS: usize = 8;
