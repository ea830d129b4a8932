//! Asking a person: passwords never stand in flags.
use std::io::{self, BufRead, IsTerminal, Read};
use std::path::PathBuf;
use std::time::Duration;

use super::hidden;
use crate::base::Secret;
use crate::config;

/// Where a new password comes from.
#[derive(Debug, clap::Args)]
pub(super) struct PasswordArgs {
    /// Read the password from standard input (its first line)
    #[arg(long)]
    password_stdin: bool,
    /// Read the password from a file (its first line)
    #[arg(long, value_name = "FILE", conflicts_with = "password_stdin")]
    password_file: Option<PathBuf>,
}

/// Why there is no password.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoPassword {
    #[error("no password: standard input is not a terminal; use --password-stdin or --password-file FILE")]
    NoTerminal,
    #[error("the two passwords are not the same")]
    Differ,
    /// Ctrl-C.
    #[error("no password")]
    Interrupted,
    #[error("cannot read the password: {0}")]
    Read(#[source] io::Error),
}

impl From<io::Error> for NoPassword {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::Interrupted { Self::Interrupted } else { Self::Read(error) }
    }
}

impl PasswordArgs {
    /// From the flag that was given, else asked for twice on the terminal.
    pub(super) fn read(&self) -> Result<Secret, NoPassword> {
        if self.password_stdin {
            let mut line = String::new();
            io::stdin().lock().take(MAX_LINE).read_line(&mut line)?;
            return Ok(first_line(line));
        }
        if let Some(file) = &self.password_file {
            return Ok(first_line(std::fs::read_to_string(file)?));
        }
        if !io::stdin().is_terminal() {
            return Err(NoPassword::NoTerminal);
        }
        let first = hidden::ask("Password: ")?;
        let again = hidden::ask("Again: ")?;
        if first.matches(again.expose()) { Ok(first) } else { Err(NoPassword::Differ) }
    }
}

fn first_line(mut text: String) -> Secret {
    let end = text.find(['\r', '\n']).unwrap_or(text.len());
    text.truncate(end);
    Secret::new(text)
}

/// Asks to type a name again before something is gone for good.
pub(super) fn confirm(name: &str, what: &str) -> bool {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return false;
    }
    let mut answer = String::new();
    io::Write::write_all(&mut io::stderr(), format!("{what} Type {name} to go on: ").as_bytes()).ok();
    stdin.lock().read_line(&mut answer).is_ok() && answer.trim() == name
}

/// "12h", "30d": a time as the file writes it, at least a minute and at most ten years.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let time = config::duration(text).ok_or("write a number and a unit: 12h, 30d")?;
    if (MINUTE..=MINUTE * 60 * 24 * 3650).contains(&time) {
        Ok(time)
    } else {
        Err("between a minute and ten years".to_owned())
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const MAX_LINE: u64 = 64 * 1024;
