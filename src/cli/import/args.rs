//! What `authgate import` takes.
use std::path::{Path, PathBuf};

use super::read::{Format, Prehash, Project, Wrap};
use crate::base::Secret;
use crate::cli::people::Failed;

/// Bring people from another program, with their password hashes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  authgate import users users.csv --dry-run\n  authgate import users realm.json --from keycloak\n  authgate import undo 7"
)]
pub(crate) struct ImportArgs {
    #[command(subcommand)]
    pub(super) verb: ImportVerb,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum ImportVerb {
    /// Add the people in a file
    #[command(after_help = USERS_HELP)]
    Users(Box<UsersArgs>),
    /// Take an import back: removes those who have not signed in or been changed since
    #[command(after_help = "Examples:\n  authgate import undo 7\n  authgate import undo 7 --json")]
    Undo {
        /// The number that `import users` told
        number: i64,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct UsersArgs {
    /// The file
    pub(super) file: PathBuf,
    /// Who wrote it; else told from its name (.csv, .json, .jsonl, .yml, htpasswd)
    #[arg(long, value_enum, value_name = "PROGRAM")]
    pub(super) from: Option<Format>,
    /// Check every row and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// The hash parameters of a Firebase project, as its console shows them
    #[arg(long, value_name = "FILE")]
    firebase_config: Option<PathBuf>,
    /// The secret that stands behind every password (Devise); bcrypt hashes only
    #[arg(long, value_name = "FILE", conflicts_with = "prehash")]
    pepper_file: Option<PathBuf>,
    /// What was done with the password before bcrypt (Flask-Bcrypt with BCRYPT_HANDLE_LONG_PASSWORDS)
    #[arg(long, value_enum)]
    prehash: Option<Prehash>,
}

impl UsersArgs {
    pub(super) fn wrap(&self) -> Result<Wrap, Failed> {
        let pepper = self.pepper_file.as_deref().map(small).transpose()?;
        let pepper = pepper.map(|text| Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()));
        let project = self.firebase_config.as_deref().map(small).transpose()?;
        let project = project.as_deref().map(Project::parse).transpose().map_err(Failed::No)?;
        Ok(Wrap { pepper, project, prehash: self.prehash })
    }
}

/// Reads a file of a few lines.
fn small(file: &Path) -> Result<String, Failed> {
    std::fs::read_to_string(file)
        .map_err(|error| Failed::Unreachable(format!("cannot read {}: {error}", file.display())))
}

const USERS_HELP: &str = "\
CSV begins with a line of names: username,email,name,password_hash,roles,scopes,disabled,created_at,
email_verified,attributes; in any order, and only username or email is needed. Several roles or scopes
are separated by ;. JSON is an array, or an object a line, with the same names.

Hashes that are taken and replaced by argon2id at the next sign-in: argon2 (i, d, id); bcrypt ($2a, $2b,
$2y), also as Django, passlib, WordPress ($wp$) and Devise write it; scrypt of Werkzeug, Django, passlib,
Firebase, Node and crypt(3) ($7$); yescrypt; PBKDF2 of Werkzeug, Django, passlib, Keycloak, Atlassian and
ASP.NET Identity (v2, v3); PHPass ($P$, $H$); $1$, $apr1$, $5$, $6$; {SHA}, {SSHA} and their like.

Examples:
  authgate import users users.csv --dry-run
  authgate import users .htpasswd --from htpasswd
  authgate import users users.json --from firebase --firebase-config hash.txt";
