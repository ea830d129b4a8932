//! `authgate probe URL`: what somebody outside would try at a running deployment, and what became of it.
//!
//! It is harmless: reads only (GET, HEAD, OPTIONS), one request after the other, no sign-in and no password is tried, nothing is
//! sent that could be taken for two requests, and nothing is asked before an authgate has answered at the address.
mod answer;
mod around;
mod forge;
mod forwarding;
mod identity;
mod judge;
mod paths;
mod plan;
mod report;
mod target;
mod tokens;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{Exit, Global, Out, run as serving};
use crate::base::Secret;
use crate::config::{self, Config, ConfigError, Environment};
use answer::Answer;
use judge::{Outcome, Verdict};
use plan::Plan;
use report::{Report, Row};
use target::{NoAnswer, Request, Target};

/// Attack a running deployment of your own, harmlessly, and say what held.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  authgate probe https://app.example.com -c gateway.toml --token-file token.txt\n  authgate probe https://app.example.com --protected /api --around 10.0.0.5:3000

It sends some hundred requests that read, one after the other; no password is tried. What is protected is read from the file where one is
found, unless --protected says it. Exit code 0: everything held. 1: something got in. 3: no authgate answers there, or an answer
leaves it open."
)]
pub(super) struct ProbeArgs {
    // No doc comment: brackets would be links there.
    #[arg(help = "http://HOST[:PORT] or https://HOST[:PORT], as clients reach it")]
    url: String,
    /// A path that nobody may reach who is not signed in; may be given several times
    #[arg(long, value_name = "PATH")]
    protected: Vec<String>,
    /// A path whose answer shows the header fields that the backend received
    #[arg(long, value_name = "PATH")]
    echo: Option<String>,
    /// A backend's own HOST:PORT or https://HOST:PORT, which only the gateway should reach; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    around: Vec<String>,
    /// An access token of your own in this file, to be changed and looked through; - is standard input
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Where the gateway's own endpoints are; else as the file says, else /auth
    #[arg(long, value_name = "PATH")]
    auth_prefix: Option<String>,
    /// Trust the authorities in this PEM file instead of the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

pub(super) fn run(args: &ProbeArgs, global: &Global, out: &mut Out) -> Exit {
    let (file, config) = match settings(args, global) {
        Ok(found) => found.unzip(),
        Err(error) => {
            out.error(serving::words(&error, out.color_err()));
            return serving::without_settings(&error);
        }
    };
    let prepared = Target::parse(&args.url, args.ca.as_deref()).and_then(|target| {
        let plan = Plan::new(args, config.as_ref(), &target)?;
        Ok((target, plan, token(args.token_file.as_deref())?))
    });
    let (target, plan, token) = match prepared {
        Ok(prepared) => prepared,
        Err(why) => {
            out.error(why);
            return Exit::Usage;
        }
    };
    if plan.protected.is_empty() {
        out.error("nothing is known to be protected: name a path with --protected, or the file with -c");
        return Exit::Usage;
    }
    let Ok(runtime) = serving::small_runtime() else { return Exit::Unknown };
    let from = file.map_or_else(|| "flags alone".to_owned(), |file| file.display().to_string());
    out.note(format_args!("probing {}, by {from}", target.origin()));
    let left_out = plan.left_out;
    let probe =
        Probe { target: &target, plan: &plan, token, signed_in: Vec::new(), known: false, report: Report::default() };
    match runtime.block_on(probe.all()) {
        Ok(report) => {
            report.show(&target.origin(), global.verbose, out);
            if left_out > 0 {
                out.note(format_args!("{left_out} more protected paths were left out: name them with --protected"));
            }
            report.exit()
        }
        Err(why) => {
            out.error(why);
            Exit::Unknown
        }
    }
}

/// The file that is named, or the one that is found where no path was given by hand.
fn settings(args: &ProbeArgs, global: &Global) -> Result<Option<(PathBuf, Config)>, ConfigError> {
    let environment = Environment::of_process();
    if global.config.is_none() && !args.protected.is_empty() {
        return Ok(None);
    }
    let file = match config::find(global.config.as_deref(), &environment) {
        Err(ConfigError::NotFound(_)) if global.config.is_none() => return Ok(None),
        found => found?,
    };
    let loaded = config::load(&file, &environment)?;
    Ok(Some((file, loaded.config)))
}

fn token(file: Option<&Path>) -> Result<Option<Secret>, String> {
    let Some(file) = file else { return Ok(None) };
    let mut text = String::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().take(MAX_TOKEN_FILE).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(MAX_TOKEN_FILE).read_to_string(&mut text))
    };
    read.map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let text = text.trim();
    let visible = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if visible { Ok(Some(Secret::new(text.to_owned()))) } else { Err(format!("{} holds no token", file.display())) }
}

/// One run.
struct Probe<'p> {
    target: &'p Target,
    plan: &'p Plan,
    token: Option<Secret>,
    /// What somebody who is signed in is given at protected paths.
    signed_in: Vec<Inside>,
    /// What refuses there shows that it is authgate.
    known: bool,
    report: Report,
}

/// The answer to somebody who is signed in.
struct Inside {
    path: String,
    status: u16,
    body: Vec<u8>,
}

impl Probe<'_> {
    async fn all(mut self) -> Result<Report, String> {
        self.is_authgate().await?;
        self.baseline().await;
        self.look_inside().await;
        paths::attempt(&mut self).await;
        identity::attempt(&mut self).await;
        tokens::attempt(&mut self).await;
        forwarding::attempt(&mut self).await;
        around::attempt(&mut self).await;
        Ok(self.report)
    }

    /// Nobody else's server is attacked by mistake.
    async fn is_authgate(&self) -> Result<(), String> {
        let path = format!("{}/healthz", self.plan.prefix);
        let answer = self.target.ask(&Request::get(path.clone())).await;
        let answer = answer.map_err(|error| format!("{}: {error}", self.target.origin()))?;
        let alive = answer.json().is_some_and(|body| body.get("status").is_some_and(|status| status == "ok"));
        if answer.status == 200 && alive {
            return Ok(());
        }
        let origin = self.target.origin();
        let status = answer.status;
        Err(format!(
            "no authgate answers at {origin}{path} ({status}): nothing was attempted. Is it at another --auth-prefix?"
        ))
    }

    /// What is protected refuses a stranger who asks plainly.
    async fn baseline(&mut self) {
        for path in self.plan.protected.clone() {
            let request = Request::get(path);
            let answer = self.target.ask(&request).await;
            self.known |= answer.as_ref().is_ok_and(|answer| judge::own_code(answer).is_some());
            let (outcome, words) = self.judged(&answer);
            self.note("plainly", &request, outcome, words);
        }
    }

    async fn look_inside(&mut self) {
        let Some(token) = &self.token else { return };
        let mut accepted = false;
        for path in &self.plan.protected {
            let Ok(answer) = self.target.ask(&Request::get(path.clone()).bearer(token.expose())).await else {
                continue;
            };
            accepted |= !matches!(answer.status, 401 | 422);
            if (200..300).contains(&answer.status) {
                self.signed_in.push(Inside { path: path.clone(), status: answer.status, body: answer.body });
            }
        }
        if !accepted {
            self.token = None;
            self.skip("tokens", "your own token", "it is not accepted: sign in again and give a new one");
        }
    }

    fn judged(&self, answer: &Result<Answer, NoAnswer>) -> Verdict {
        judge::refused(answer, &self.plan.sign_in(), self.known)
    }

    /// An attempt by somebody who is not signed in.
    async fn must_refuse(&mut self, group: &'static str, request: Request) {
        let name = format!("{} {}", request.method, request.target);
        self.must_refuse_named(group, name, request).await;
    }

    async fn must_refuse_named(&mut self, group: &'static str, name: String, request: Request) {
        let answer = self.target.ask(&request).await;
        let (outcome, words) = self.judged(&answer);
        self.record(group, name, outcome, words);
    }

    /// An attempt after which `word` must not stand in the answer.
    async fn must_not_show(&mut self, group: &'static str, name: String, request: Request, word: &str) {
        let (outcome, words) = match self.target.ask(&request).await {
            Ok(answer) if answer.says(word) => (Outcome::GotIn, format!("the answer shows {word}")),
            Ok(answer) => (Outcome::Held, answer.status.to_string()),
            Err(NoAnswer::Closed) => (Outcome::Held, NoAnswer::Closed.to_string()),
            Err(error) => (Outcome::Unsure, error.to_string()),
        };
        self.record(group, name, outcome, words);
    }

    fn note(&mut self, group: &'static str, request: &Request, outcome: Outcome, words: String) {
        self.record(group, format!("{} {}", request.method, request.target), outcome, words);
    }

    fn skip(&mut self, group: &'static str, name: &str, why: &str) {
        self.record(group, name.to_owned(), Outcome::NotTried, why.to_owned());
    }

    fn record(&mut self, group: &'static str, name: String, outcome: Outcome, words: String) {
        self.report.rows.push(Row { group, name, outcome, words });
    }
}

const MAX_TOKEN_FILE: u64 = 64 * 1024;
