//! `authgate completions SHELL`
use clap_complete::Shell;

use super::{Exit, Out};

/// Print completions for a shell.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  authgate completions bash > /etc/bash_completion.d/authgate\n  authgate completions fish > ~/.config/fish/completions/authgate.fish"
)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs, out: &mut Out) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "authgate", &mut script);
    out.line(String::from_utf8_lossy(&script).trim_end());
    Exit::Done
}
