//! `authgate passwords tune`: measures this machine and prints the line to paste.
use std::time::Duration;

use serde_json::json;

use super::progress::Progress;
use super::{Exit, Global, Out};
use crate::password::{TUNE_STEPS, tune};

/// What hashing costs on this machine.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PasswordsArgs {
    #[command(subcommand)]
    verb: PasswordsVerb,
}

#[derive(Debug, clap::Subcommand)]
enum PasswordsVerb {
    /// Measure this machine and print the `argon2 = …` line to paste
    #[command(after_help = EXAMPLES)]
    Tune {
        /// How long one sign-in may hash
        #[arg(long, default_value = "250ms", value_name = "TIME", value_parser = target)]
        target: Duration,
    },
}

pub(super) fn run(args: &PasswordsArgs, global: &Global, out: &mut Out) -> Exit {
    let PasswordsVerb::Tune { target } = args.verb;
    let mut progress = Progress::new("measuring", TUNE_STEPS, out.json(), global.quiet);
    let tuned = tune(target, |step| progress.at(step));
    progress.end();
    let Some(tuned) = tuned else {
        out.error("there is not enough memory to measure with: 19 MiB are needed at least");
        return Exit::Unknown;
    };
    let (cost, millis) = (tuned.cost, tuned.took.as_millis());
    let mib = cost.memory_kib / 1024;
    if out.json() {
        out.data(&json!({ "memory": format!("{mib}MiB"), "iterations": cost.iterations, "lanes": cost.lanes, "milliseconds": millis }));
        return Exit::Done;
    }
    out.line(format_args!(
        "argon2 = {{ memory = \"{mib}MiB\", iterations = {}, lanes = {} }}",
        cost.iterations, cost.lanes
    ));
    out.note(format_args!(
        "One takes {millis} ms here. Put the line below [passwords]; each of parallel_hashes needs {mib} MiB. Whoever signs in next is hashed anew."
    ));
    if tuned.took > target {
        out.note(format_args!("That is more than {} ms, and less would be too easy to guess.", target.as_millis()));
    }
    Exit::Done
}

fn target(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<jiff::SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
    let bounds = Duration::from_millis(1)..=Duration::from_secs(10);
    parsed.filter(|time| bounds.contains(time)).ok_or_else(|| "write a time such as 250ms, up to 10s".to_owned())
}

const EXAMPLES: &str = "Examples:\n  authgate passwords tune\n  authgate passwords tune --target 100ms --json";
