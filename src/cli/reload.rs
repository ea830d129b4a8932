//! `authgate reload`: by the admin address in the file, with a short-lived secret from the store.
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::{Exit, Global, Out, desk, run};
use crate::admin::FOR_THE_COMMAND;
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
    match runtime.block_on(desk::ask(&desk, Method::POST, "/api/reload", FOR_THE_COMMAND, PATIENCE)) {
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

/// What the gateway says: one array, or the findings as `check` shows them. Whatever else answers is not believed, nor shown.
fn told(answer: &client::Answer, out: &mut Out) -> Exit {
    let Some((findings, text)) = found(answer) else {
        let why = format!(
            "not known whether anything was reloaded: the admin address answered {} and nothing about its settings; \
            is it the gateway of this file, and of this version?",
            answer.status
        );
        if out.json() {
            out.data(&problem(&why));
        }
        out.error(why);
        return Exit::Unknown;
    };
    if out.json() {
        out.data(&findings);
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

/// The findings for a program and for a person, if it was our gateway that answered.
fn found(answer: &client::Answer) -> Option<(Value, String)> {
    if !matches!(answer.status, 200 | 422) {
        return None;
    }
    let mut said: Value = serde_json::from_slice(&answer.body).ok()?;
    let findings = said.get_mut("findings").map(Value::take).filter(Value::is_array)?;
    Some((findings, said.get("text")?.as_str()?.to_owned()))
}

fn problem(message: &str) -> Value {
    json!([{ "severity": "error", "message": message }])
}

const PATIENCE: Duration = Duration::from_secs(30);
