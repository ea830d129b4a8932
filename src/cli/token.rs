//! `authgate token …`: tokens for machines, and a look into any token.
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::people::{Failed, open, open_or_make, work};
use super::{Exit, Global, Out, explain};
use crate::account::{NewMachine, NewMachineError, Source};
use crate::base::{Scope, TokenId};
use crate::config::Loaded;
use crate::store::ServiceToken;

/// Tokens for machines: create, list, inspect, revoke.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  authgate token create --name backup --scope files:read --expires 90d\n  authgate token list"
)]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    verb: TokenVerb,
}

#[derive(Debug, clap::Subcommand)]
enum TokenVerb {
    /// Make a token for a machine; it is shown once
    #[command(
        after_help = "Examples:\n  authgate token create --name backup --scope files:read --expires 90d\n  authgate token create --name api --scope introspect --expires 365d --json"
    )]
    Create {
        /// What the machine is called: shown in lists, and told to backends as the name
        #[arg(long, default_value = "service", value_parser = name)]
        name: String,
        /// What it may do: may be repeated; `introspect` lets it ask about the tokens of others
        #[arg(long = "scope", value_name = "SCOPE", required = true, value_parser = Scope::parse)]
        scopes: Vec<Scope>,
        /// Good for so long: 12h, 90d
        #[arg(long, value_name = "TIME", value_parser = super::prompt::duration)]
        expires: Duration,
    },
    /// List the tokens of machines that are good
    #[command(after_help = "Examples:\n  authgate token list\n  authgate token list --json")]
    List,
    /// Decode a token and say whether it is good, without asking a running gateway
    #[command(
        after_help = "Examples:\n  authgate token inspect --token-file token.txt\n  authgate token inspect --token-file - < token.txt"
    )]
    Inspect {
        /// The file that holds it; - for standard input
        #[arg(long, value_name = "FILE", default_value = "-")]
        token_file: PathBuf,
    },
    /// Revoke the tokens of machines: dead within a second
    #[command(
        after_help = "Examples:\n  authgate token revoke 01J8ZKQ5W3B0X7M9N2P4R6T8V0\n  authgate token revoke 01J8ZKQ5W3B0X7M9N2P4R6T8V0 --json"
    )]
    Revoke {
        /// As token list shows it
        #[arg(required = true, value_name = "ID", value_parser = id)]
        ids: Vec<TokenId>,
    },
}

pub(super) fn run(args: TokenArgs, global: &Global, out: &mut Out) -> Exit {
    work(global, out, async |loaded: &Loaded, out: &mut Out| match args.verb {
        TokenVerb::Create { name, scopes, expires } => {
            create(NewMachine { name, scopes, good_for: expires }, loaded, out).await
        }
        TokenVerb::List => list(loaded, out).await,
        TokenVerb::Inspect { token_file } => inspect(&token_file, loaded, out).await,
        TokenVerb::Revoke { ids } => revoke(&ids, loaded, out).await,
    })
}

async fn create(new: NewMachine, loaded: &Loaded, out: &mut Out) -> Result<(), Failed> {
    let people = open_or_make(loaded).await?;
    let (secret, token) = people.add_machine(new, &Source::default()).await.map_err(|error| match error {
        NewMachineError::TooMany => Failed::No(error.to_string()),
        NewMachineError::Unavailable(error) => error.into(),
    })?;
    if out.json() {
        let mut value = value(&token);
        if let Some(members) = value.as_object_mut() {
            members.insert("token".to_owned(), secret.expose().into());
        }
        out.data(&value);
        return Ok(());
    }
    out.line(secret.expose());
    out.note(format_args!("{}, good until {}; it is not shown again", token.name, token.expires_at));
    out.note(format_args!("to take it back: authgate token revoke {}", token.id));
    Ok(())
}

async fn list(loaded: &Loaded, out: &mut Out) -> Result<(), Failed> {
    let tokens = open(loaded).await?.machines().await?;
    if out.json() {
        out.data(&tokens.iter().map(value).collect());
        return Ok(());
    }
    for token in tokens {
        let (id, name, until, scopes) = (token.id, &token.name, token.expires_at, scopes(&token));
        out.line(format_args!("{id}   {name:<24} until {until}   {scopes}"));
    }
    Ok(())
}

async fn revoke(ids: &[TokenId], loaded: &Loaded, out: &mut Out) -> Result<(), Failed> {
    let people = open(loaded).await?;
    let mut missing = vec![];
    for id in ids {
        if !people.revoke_machine(*id, &Source::default()).await? {
            missing.push(id.to_string());
        } else if out.json() {
            out.data(&json!({ "id": id.to_string(), "done": "revoked" }));
        } else {
            out.line(format_args!("revoked {id}: dead within a second"));
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(Failed::No(format!("no such token: {}", missing.join(", ")))) }
}

async fn inspect(file: &PathBuf, loaded: &Loaded, out: &mut Out) -> Result<(), Failed> {
    let mut text = String::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().take(MAX_TOKEN).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(MAX_TOKEN).read_to_string(&mut text))
    };
    read.map_err(|error| Failed::Unreachable(format!("cannot read {}: {error}", file.display())))?;
    let token = text.trim();
    let steps = explain::examine(token, loaded).await.map_err(Failed::Unreachable)?;
    let good = steps.iter().all(|step| step.good);
    let (header, claims) = (part(token, 0), part(token, 1));
    if out.json() {
        let rows: Value =
            steps.iter().map(|step| json!({ "name": step.name, "good": step.good, "words": step.words })).collect();
        out.data(&json!({ "good": good, "header": header, "claims": claims, "steps": rows }));
    } else {
        for part in [header, claims].into_iter().flatten() {
            // JSON escapes whatever could disturb a terminal.
            out.line(format_args!("{part:#}"));
        }
        for step in &steps {
            out.line(format_args!("{:<11} {:<4} {}", step.name, if step.good { "ok" } else { "NO" }, step.words));
        }
    }
    if good { Ok(()) } else { Err(Failed::No("the token is not good".to_owned())) }
}

/// The header (0) or the claims (1) as they stand there, believed by nobody.
fn part(token: &str, number: usize) -> Option<Value> {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(number)?).ok()?;
    serde_json::from_slice(&bytes).ok().filter(Value::is_object)
}

fn value(token: &ServiceToken) -> Value {
    json!({
        "id": token.id.to_string(),
        "name": token.name,
        "scopes": token.scopes.iter().map(Scope::as_str).collect::<Vec<_>>(),
        "created_at": token.created_at.to_string(),
        "expires_at": token.expires_at.to_string(),
    })
}

fn scopes(token: &ServiceToken) -> String {
    token.scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(" ")
}

fn name(text: &str) -> Result<String, String> {
    let fits = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(text.to_owned()) } else { Err("1 to 64 visible ASCII characters".to_owned()) }
}

fn id(text: &str) -> Result<TokenId, String> {
    TokenId::parse(text).ok_or_else(|| "not the id of a token".to_owned())
}

const MAX_TOKEN: u64 = 64 * 1024;
