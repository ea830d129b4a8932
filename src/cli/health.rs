//! `authgate health`: for a container's health check.
use std::time::Duration;

use serde_json::json;

use super::{Exit, Global, Out, run};
use crate::client;
use crate::config::Environment;

/// Ask a running gateway whether it is well.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  authgate health\n  authgate health --ready -c /etc/authgate/gateway.toml")]
pub(super) struct HealthArgs {
    /// Whether traffic may come, not only whether the process lives
    #[arg(long)]
    ready: bool,
}

pub(super) fn run(args: &HealthArgs, global: &Global, out: &mut Out) -> Exit {
    let (_, loaded) = match run::open(global, &Environment::of_process()) {
        Ok(found) => found,
        Err(error) => {
            out.error(run::words(&error, out.color_err()));
            return Exit::Unknown;
        }
    };
    let admin = loaded.config.admin.listen;
    let path = if args.ready { "/readyz" } else { "/healthz" };
    let Ok(runtime) = run::small_runtime() else { return Exit::Unknown };
    match runtime.block_on(client::get(admin, path, PATIENCE)) {
        Ok(answer) => {
            let well = answer.status == 200;
            if global.json {
                out.data(&json!({ "healthy": well, "status": answer.status }));
            } else {
                out.line(if well { "healthy" } else { "not healthy" });
            }
            if well { Exit::Done } else { Exit::No }
        }
        Err(error) => {
            if global.json {
                out.data(&json!({ "healthy": null, "status": null, "error": error.to_string() }));
            }
            out.error(format_args!("no gateway answers at http://{admin}{path}: {error}"));
            Exit::Unknown
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(5);
