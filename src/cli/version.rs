//! `authgate version`
use serde_json::json;

use super::{Exit, Global, Out};

/// Print the version.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  authgate version\n  authgate version --json")]
pub(super) struct VersionArgs {}

pub(super) fn run(_args: &VersionArgs, global: &Global, out: &mut Out) -> Exit {
    if global.json {
        out.data(&json!({ "name": "authgate", "version": env!("CARGO_PKG_VERSION") }));
    } else {
        out.line(concat!("authgate ", env!("CARGO_PKG_VERSION")));
    }
    Exit::Done
}
