//! `authgate schema`: the JSON schema of the file, for editors.
use super::Terminal;
use crate::config;

/// Prints the JSON schema of gateway.toml for editors.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = "Examples:\n  \
    authgate schema > config/gateway.schema.json\n  \
    authgate schema | jq '.properties.routes'")]
pub(crate) struct SchemaArgs {}

pub(crate) fn run(_: &SchemaArgs, terminal: &mut Terminal<'_>) -> u8 {
    terminal.say(&config::schema());
    0
}
