//! `authgate export users`: everybody, as `import users` reads them.
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use serde_json::json;

use super::people::{Failed, open, work};
use super::user::PAGE;
use super::{Exit, Global, Out};
use crate::account::People;
use crate::base::{Role, Scope, Secret};
use crate::config::Loaded;
use crate::store::{User, UserFilter};

/// Write everybody into a file that `import users` reads.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  authgate export users users.csv\n  authgate export users --json > users.jsonl")]
pub(crate) struct ExportArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// People with their password hashes; CSV, or with --json an object a line
    #[command(
        after_help = "Examples:\n  authgate export users users.csv\n  authgate export users --json > users.jsonl"
    )]
    Users {
        /// A new file, readable by you only; else standard output
        file: Option<PathBuf>,
    },
}

pub(super) fn run(args: &ExportArgs, global: &Global, out: &mut Out) -> Exit {
    let What::Users { file } = &args.what;
    work(global, out, async |loaded: &Loaded, out: &mut Out| {
        let people = open(loaded).await?;
        let to: Box<dyn Write> = match file {
            Some(path) => {
                let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
                Box::new(made.map_err(|error| Failed::No(format!("cannot make {}: {error}", path.display())))?)
            }
            None => Box::new(io::stdout()),
        };
        let written = users(&people, BufWriter::new(to), out.json()).await?;
        out.note(format_args!("{} people written, with their password hashes", super::progress::thousands(written)));
        Ok(())
    })
}

async fn users(people: &People, to: impl Write, as_json: bool) -> Result<u64, Failed> {
    let mut writer = if as_json { Writer::Json(to) } else { Writer::Csv(Box::new(csv::Writer::from_writer(to))) };
    writer.begin().map_err(|error| broken(&error))?;
    let (mut after, mut written) = (None, 0);
    loop {
        let page = people.list(&UserFilter::default(), PAGE, after).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for user in &page {
            writer.user(user).map_err(|error| broken(&error))?;
            written += 1;
        }
    }
    writer.end().map_err(|error| broken(&error))?;
    Ok(written)
}

fn broken(error: &io::Error) -> Failed {
    Failed::Unreachable(format!("cannot write: {error}"))
}

enum Writer<W: Write> {
    Csv(Box<csv::Writer<W>>),
    Json(W),
}

impl<W: Write> Writer<W> {
    fn begin(&mut self) -> io::Result<()> {
        match self {
            Self::Csv(table) => Ok(table.write_record(NAMES)?),
            Self::Json(_) => Ok(()),
        }
    }

    fn user(&mut self, user: &User) -> io::Result<()> {
        let text = |value: Option<&dyn ToString>| value.map(|value| value.to_string());
        let (name, email) = (user.username.as_ref().map(|name| name as _), user.email.as_ref().map(|email| email as _));
        let hash = user.password_hash.as_ref().map(Secret::expose);
        let roles: Vec<_> = user.roles.iter().map(Role::as_str).collect();
        let scopes: Vec<_> = user.scopes.iter().map(Scope::as_str).collect();
        match self {
            Self::Csv(table) => {
                let attributes =
                    if user.attributes.is_empty() { String::new() } else { json!(user.attributes).to_string() };
                let flag = |flag: bool| if flag { "true" } else { "false" }.to_owned();
                table.write_record([
                    text(name).unwrap_or_default(),
                    text(email).unwrap_or_default(),
                    user.name.clone().unwrap_or_default(),
                    hash.unwrap_or_default().to_owned(),
                    roles.join(";"),
                    scopes.join(";"),
                    flag(user.disabled),
                    user.created_at.to_string(),
                    flag(user.email_verified),
                    attributes,
                ])?;
                Ok(())
            }
            Self::Json(to) => {
                let value = json!({ "username": text(name), "email": text(email), "name": user.name, "password_hash": hash,
                    "roles": roles, "scopes": scopes, "disabled": user.disabled, "created_at": user.created_at.to_string(),
                    "email_verified": user.email_verified, "attributes": user.attributes });
                writeln!(to, "{value}")
            }
        }
    }

    fn end(&mut self) -> io::Result<()> {
        match self {
            Self::Csv(table) => table.flush(),
            Self::Json(to) => to.flush(),
        }
    }
}

const NAMES: [&str; 10] = [
    "username",
    "email",
    "name",
    "password_hash",
    "roles",
    "scopes",
    "disabled",
    "created_at",
    "email_verified",
    "attributes",
];
