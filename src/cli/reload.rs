//! `authgate reload`: by the admin address in the file, with a short-lived secret from the store.
use std::time::Duration;

use http::Method;

use super::{Exit, Global, Out, desk, run};
use crate::config::Environment;

/// Put a changed file to work without dropping a connection.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  authgate check && authgate reload\n  authgate reload -c /etc/authgate/gateway.toml"
)]
pub(super) struct ReloadArgs {}

pub(super) fn run(_args: &ReloadArgs, global: &Global, out: &mut Out) -> Exit {
    let (_, loaded) = match run::open(global, &Environment::of_process()) {
        Ok(found) => found,
        Err(error) => {
            out.error(run::words(&error, out.color_err()));
            out.error("The gateway was not asked; what runs goes on as it is.");
            return run::without_settings(&error);
        }
    };
    let Ok(runtime) = run::small_runtime() else { return Exit::Unknown };
    match runtime.block_on(desk::ask(&loaded, Method::POST, "/api/reload", PATIENCE)) {
        Ok(answer) if answer.status == 200 => {
            if global.json {
                out.line(String::from_utf8_lossy(&answer.body));
            } else {
                out.line("reloaded: the new settings are in force");
            }
            Exit::Done
        }
        Ok(answer) => {
            out.line(String::from_utf8_lossy(&answer.body).trim_end());
            out.error("refused: the old settings stay in force");
            Exit::No
        }
        Err(error) => {
            out.error(error);
            Exit::Unknown
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
