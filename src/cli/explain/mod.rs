//! `authgate explain METHOD URL`: what would happen to a request, and why. It asks the gate that the proxy asks.
mod gather;
mod needs;
mod print;
mod who;

use std::net::IpAddr;
use std::path::PathBuf;

use super::{Exit, Global, Out, run as serving};
use crate::config::{Environment, Loaded};

/// Say what would happen to a request, and why.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  authgate explain GET /api/users --user bob\n  authgate explain GET https://app.example.com/api --token-file token.txt"
)]
pub(super) struct ExplainArgs {
    /// The method: GET, POST …
    method: String,
    /// A path, or a whole URL
    url: String,
    /// As if this person were signed in now
    #[arg(long, value_name = "NAME", conflicts_with_all = ["token", "token_file"])]
    user: Option<String>,
    /// With the access token in this file; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
    /// With this access token
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// As if the request came from this address
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<IpAddr>,
    /// With this header field; whoever an Authorization or a Cookie stands for is looked up as the gateway does
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    header: Vec<String>,
}

pub(super) fn run(args: &ExplainArgs, global: &Global, out: &mut Out) -> Exit {
    let (_, loaded) = match serving::open(global, &Environment::of_process()) {
        Ok(found) => found,
        Err(error) => {
            out.error(serving::words(&error, out.color_err()));
            return serving::without_settings(&error);
        }
    };
    let Ok(runtime) = serving::small_runtime() else { return Exit::Unknown };
    match runtime.block_on(gather::explain(args, &loaded)) {
        Ok(explanation) => {
            if out.json() {
                out.data(&print::json(&explanation));
            } else {
                out.line(print::text(&explanation));
            }
            if explanation.allowed() { Exit::Done } else { Exit::No }
        }
        Err(gather::CannotTell::Usage(why)) => {
            out.error(why);
            Exit::Usage
        }
        Err(gather::CannotTell::NotThere(why)) => {
            out.error(why);
            Exit::No
        }
        Err(gather::CannotTell::Unreachable(why)) => {
            out.error(why);
            Exit::Unknown
        }
    }
}

/// What is right and wrong with a token, step by step.
pub(super) async fn examine(token: &str, loaded: &Loaded) -> Result<Vec<gather::TokenStep>, String> {
    let now = who::now();
    match who::Who::shown(Some(token.to_owned()), loaded, now).await {
        Ok(who) => Ok(gather::steps(token, &who, now)),
        Err(
            gather::CannotTell::Unreachable(why) | gather::CannotTell::NotThere(why) | gather::CannotTell::Usage(why),
        ) => Err(why),
    }
}
