//! `authgate reload`: by the admin address in the file, with a short-lived secret from the store.
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::{Exit, Global, Out, desk, run};
use crate::client;
use crate::config::{self, ConfigError, Environment};

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
    let form = if out.json() { "application/json" } else { "text/plain" };
    match runtime.block_on(desk::ask(&desk, Method::POST, "/api/reload", form, PATIENCE)) {
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
    if !matches!(answer.status, 200 | 422) {
        let why = format!(
            "not known whether anything was reloaded: the admin address answered {}; is it the gateway of this file?",
            answer.status
        );
        if out.json() {
            out.data(&problem(&why));
        }
        out.error(why);
        return Exit::Unknown;
    }
    let text = String::from_utf8_lossy(&answer.body);
    if out.json() {
        let mut said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let findings = said.get_mut("findings").map(Value::take);
        let strange = || problem(&format!("the gateway answered {}: {}", answer.status, text.trim_end()));
        let array = findings.unwrap_or(said);
        out.data(&if array.is_array() { array } else { strange() });
    } else if !text.trim_end().is_empty() {
        out.line(text.trim_end());
    }
    if answer.status != 200 {
        out.error("refused: the old settings stay in force");
        return Exit::No;
    }
    let words = "reloaded: the new settings are in force";
    if out.json() {
        out.note(words)
    } else {
        out.line(words)
    }
    Exit::Done
}

fn problem(message: &str) -> Value {
    json!([{ "severity": "error", "message": message }])
}

const PATIENCE: Duration = Duration::from_secs(30);
