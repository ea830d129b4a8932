//! `authgate session …`: who is signed in, and ending it.
use std::net::IpAddr;

use serde_json::{Value, json};

use super::people::{Failed, find, open, work};
use super::{Exit, Global, Out};
use crate::account::Source;
use crate::base::SessionId;
use crate::config::Loaded;
use crate::store::Session;

/// Sessions: list, end.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  authgate session list ann\n  authgate session end 01J8ZKQ5W3B0X7M9N2P4R6T8V0")]
pub(super) struct SessionArgs {
    #[command(subcommand)]
    verb: SessionVerb,
}

#[derive(Debug, clap::Subcommand)]
enum SessionVerb {
    /// List sessions that go on, newest first
    #[command(after_help = "Examples:\n  authgate session list\n  authgate session list ann@example.com --json")]
    List {
        /// Only those of this person: name, e-mail address or id
        name: Option<String>,
    },
    /// End sessions: their tokens are dead within a second
    #[command(after_help = "Examples:\n  authgate session end 01J8ZKQ5W3B0X7M9N2P4R6T8V0\n  \
        authgate session end 01J8ZKQ5W3B0X7M9N2P4R6T8V0 01J8ZKQ5W3B0X7M9N2P4R6T8V1\n\n\
        All sessions of one person: authgate user logout ann")]
    End {
        /// As session list shows them
        #[arg(required = true, value_name = "ID", value_parser = id)]
        ids: Vec<SessionId>,
    },
}

pub(super) fn run(args: SessionArgs, global: &Global, out: &mut Out) -> Exit {
    work(global, out, async |loaded: &Loaded, out: &mut Out| match args.verb {
        SessionVerb::List { name } => list(name.as_deref(), loaded, out).await,
        SessionVerb::End { ids } => end(&ids, loaded, out).await,
    })
}

async fn list(name: Option<&str>, loaded: &Loaded, out: &mut Out) -> Result<(), Failed> {
    let people = open(loaded).await?;
    let of = match name {
        Some(name) => Some(find(&people, name).await?.id),
        None => None,
    };
    let sessions = people.sessions(of).await?;
    if out.json() {
        out.data(&sessions.iter().map(value).collect());
        return Ok(());
    }
    for session in sessions {
        let ip = session.ip.map_or_else(|| "-".to_owned(), |ip| ip.to_string());
        let agent = session.user_agent.unwrap_or_default();
        let (id, user, since) = (session.id, session.user, session.created_at);
        out.line(format_args!("{id}   {user}   since {since}   {ip:<15} {agent}"));
    }
    Ok(())
}

async fn end(ids: &[SessionId], loaded: &Loaded, out: &mut Out) -> Result<(), Failed> {
    let people = open(loaded).await?;
    let mut missing = vec![];
    for id in ids {
        if !people.end_session(*id, &Source::default()).await? {
            missing.push(id.to_string());
        } else if out.json() {
            out.data(&json!({ "id": id.to_string(), "done": "ended" }));
        } else {
            out.line(format_args!("ended {id}: its tokens are dead within a second"));
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(Failed::No(format!("no such session: {}", missing.join(", ")))) }
}

fn value(session: &Session) -> Value {
    json!({
        "id": session.id.to_string(),
        "user": session.user.to_string(),
        "created_at": session.created_at.to_string(),
        "last_seen_at": session.last_seen_at.to_string(),
        "expires_at": session.expires_at.to_string(),
        "ip": session.ip.as_ref().map(IpAddr::to_string),
        "user_agent": session.user_agent,
    })
}

fn id(text: &str) -> Result<SessionId, String> {
    SessionId::parse(text).ok_or_else(|| "not a session id".to_owned())
}
