//! `authgate reload`: by the admin address in the file, with a short-lived secret from the store.
use std::time::Duration;

use serde_json::{Value, json};

use super::{Exit, Global, Out, run};
use crate::base::{Clock, Secret, random_bytes};
use crate::client;
use crate::config::{self, ConfigError, Desk, Environment};
use crate::observe::Chain;
use crate::store::Store;

/// Put a changed file to work without dropping a connection.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  authgate check && authgate reload\n  authgate reload -c /etc/authgate/gateway.toml --json"
)]
pub(super) struct ReloadArgs {}

/// What the gateway found counts, for it reads the file with its own eyes: this process may lack a variable or a right that it has.
/// So only what is needed to ask it is read here.
pub(super) fn run(_args: &ReloadArgs, global: &Global, out: &mut Out) -> Exit {
    let environment = Environment::of_process();
    let found = config::find(global.config.as_deref(), &environment);
    let desk = match found.and_then(|file| config::desk(&file, &environment)) {
        Ok(desk) => desk,
        Err(error) => return not_asked(&error, out),
    };
    let Ok(runtime) = run::small_runtime() else { return Exit::Unknown };
    match runtime.block_on(ask(&desk, out.json())) {
        Ok(answer) => told(&answer, out),
        Err(error) => {
            if out.json() {
                out.data(&problem(&error));
            }
            out.error(error);
            Exit::Unknown
        }
    }
}

/// Not even where to ask can be read.
fn not_asked(error: &ConfigError, out: &mut Out) -> Exit {
    match error {
        ConfigError::Wrong(findings) if out.json() => out.data(&findings.to_json()),
        ConfigError::Wrong(findings) => out.line(findings.told_of_reload().trim_end()),
        ConfigError::NotFound(_) | ConfigError::Unreadable { .. } => {
            let words = run::words(error, out.color_err());
            if out.json() {
                out.data(&problem(&words));
            }
            out.error(words);
        }
    }
    out.error("The gateway was not asked; what runs goes on as it is.");
    run::without_settings(error)
}

/// What the gateway says: one array, or the findings as `check` shows them.
fn told(answer: &client::Answer, out: &mut Out) -> Exit {
    let text = String::from_utf8_lossy(&answer.body);
    let is_findings = matches!(answer.status, 200 | 422);
    if out.json() {
        let mut said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let findings = said.get_mut("findings").map(Value::take);
        let strange = || problem(&format!("the gateway answered {}: {}", answer.status, text.trim_end()));
        let array = findings.unwrap_or(said);
        out.data(&if is_findings && array.is_array() { array } else { strange() });
    } else if !text.trim_end().is_empty() {
        out.line(text.trim_end());
    }
    match answer.status {
        200 => {
            let words = "reloaded: the new settings are in force";
            if out.json() {
                out.note(words)
            } else {
                out.line(words)
            }
            Exit::Done
        }
        _ => {
            out.error("refused: the old settings stay in force");
            Exit::No
        }
    }
}

fn problem(message: &str) -> Value {
    json!([{ "severity": "error", "message": message }])
}

async fn ask(desk: &Desk, json: bool) -> Result<client::Answer, String> {
    let store = Store::open_existing(&desk.store, desk.migrate).await.map_err(|error| Chain(&error).to_string())?;
    let secret = control_secret(&store).await?;
    let (admin, form) = (desk.admin, if json { "application/json" } else { "text/plain" });
    client::post(admin, "/api/reload", &secret, form, PATIENCE).await.map_err(|error| {
        format!("no gateway answers at http://{admin}: {error}\nIs it running, and is this the file it runs with?")
    })
}

/// A secret that the running gateway finds in the store: who can write the store may steer the gateway.
async fn control_secret(store: &Store) -> Result<Secret, String> {
    use base64::Engine;
    let secret = Secret::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random_bytes::<32>()));
    let expires = Clock::system().now().plus(SECRET_LIFE);
    store.add_control_secret(&secret.digest(), expires).await.map_err(|error| Chain(&error).to_string())?;
    Ok(secret)
}

const PATIENCE: Duration = Duration::from_secs(30);
const SECRET_LIFE: Duration = Duration::from_secs(60);
