//! The command line: one file per verb.
mod answers;
mod check;
mod completions;
mod demo;
mod desk;
mod echo;
mod explain;
mod export;
mod health;
mod help;
mod hidden;
mod import;
mod init;
mod keys;
mod man;
mod output;
mod passwords;
mod people;
mod probe;
mod progress;
mod prompt;
mod reload;
mod report;
mod run;
mod schema;
mod scratch;
mod session;
mod status;
mod store;
mod terminal;
mod token;
mod user;
mod version;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

pub(crate) use import::people_in;
pub(crate) use output::{Color, Exit, Out};
pub(crate) use terminal::Terminal;

use crate::config::Environment;

/// A reverse-proxy authentication gateway: one binary, one gateway.toml.
#[derive(Debug, Parser)]
#[command(name = "authgate", version, disable_help_subcommand = true, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

/// Flags that every verb takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// The configuration file; else ./gateway.toml, then /etc/authgate/gateway.toml
    #[arg(short, long, global = true, value_name = "FILE", env = "AUTHGATE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Print data as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Colours in what is printed
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: Color,
    /// Say only what was asked for
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Say more: `run` logs at the level debug
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Answer every question with yes
    #[arg(short, long, global = true)]
    pub(crate) yes: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write a gateway.toml to start from
    Init(init::InitArgs),
    /// Serve
    Run(run::RunArgs),
    /// Try it out: an echo backend, the gateway and two users, gone on Ctrl-C
    Demo(demo::DemoArgs),
    /// Say what is wrong with the file, and where; or what is open
    Check(check::CheckArgs),
    /// Say what would happen to a request, and why
    Explain(explain::ExplainArgs),
    /// Say where routes that only observe would differ from their backends
    Report(report::ReportArgs),
    /// Attack a running deployment of your own, harmlessly, and say what held
    Probe(probe::ProbeArgs),
    /// Put a changed file to work without dropping a connection
    Reload(reload::ReloadArgs),
    /// Say how a running gateway is: load, backends, store, keys
    Status(status::StatusArgs),
    /// Ask a running gateway whether it is well
    Health(health::HealthArgs),
    /// People: add, list, show, edit, password, disable, enable, delete, logout, invite
    User(user::UserArgs),
    /// People from another program, with the hashes it made
    Import(import::ImportArgs),
    /// Everybody, as import reads them
    Export(export::ExportArgs),
    /// Sessions: list, end
    Session(session::SessionArgs),
    /// What hashing costs on this machine
    Passwords(passwords::PasswordsArgs),
    /// Tokens for machines: create, list, inspect, revoke
    Token(token::TokenArgs),
    /// Signing keys: list, rotate, retire, export, import, new-secret
    Keys(keys::KeysArgs),
    /// The store: migrate, copy, backup, restore, check
    Store(store::StoreArgs),
    /// Print the JSON Schema of the file, for editors
    Schema(schema::SchemaArgs),
    /// The manual: help config KEY, help error CODE, help headers, help metrics
    Help(help::HelpArgs),
    /// Print completions for a shell
    Completions(completions::CompletionsArgs),
    /// Write manual pages into a folder
    Man(man::ManArgs),
    /// Print the version
    Version(version::VersionArgs),
}

/// Runs the command line of this process.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut out = Out::of_process(&cli.global);
    let exit = cli.verb.run(&cli.global, &mut out);
    out.end(exit).into()
}

impl Verb {
    fn run(self, global: &Global, out: &mut Out) -> Exit {
        match self {
            Self::Init(args) => {
                let file = global.config.as_deref().unwrap_or(Path::new("gateway.toml"));
                out.at_terminal(|terminal| init::run(&args, file, global.json, terminal))
            }
            Self::Run(args) => run::run(&args, global, out),
            Self::Demo(args) => demo::run(&args, out),
            Self::Check(mut args) => {
                if global.json {
                    args.format = crate::config::Format::Json;
                }
                args.quiet = global.quiet;
                let named = global.config.as_deref();
                out.at_terminal(|terminal| check::run(&args, named, &Environment::of_process(), terminal))
            }
            Self::Explain(args) => explain::run(&args, global, out),
            Self::Report(args) => report::run(&args, global, out),
            Self::Probe(args) => probe::run(&args, global, out),
            Self::Reload(args) => reload::run(&args, global, out),
            Self::Status(args) => status::run(&args, global, out),
            Self::Health(args) => health::run(&args, global, out),
            Self::User(args) => user::run(args, global, out),
            Self::Import(args) => import::run(&args, global, out),
            Self::Export(args) => export::run(&args, global, out),
            Self::Session(args) => session::run(args, global, out),
            Self::Passwords(args) => passwords::run(&args, global, out),
            Self::Token(args) => token::run(args, global, out),
            Self::Keys(args) => keys::run(&args, global, out),
            Self::Store(args) => store::run(args, global, out),
            Self::Schema(args) => out.at_terminal(|terminal| schema::run(&args, terminal)),
            Self::Help(args) => manual(&args, global, out),
            Self::Completions(args) => completions::run(&args, out),
            Self::Man(args) => man::run(&args, out),
            Self::Version(args) => version::run(&args, global, out),
        }
    }
}

/// The manual; a topic that it does not have may be the name of a verb.
fn manual(args: &help::HelpArgs, global: &Global, out: &mut Out) -> Exit {
    let mut said = None;
    let exit = out.at_terminal(|terminal| {
        said = help::run(args, global.json, terminal);
        said.unwrap_or_default()
    });
    if said.is_some() {
        return exit;
    }
    let mut command = command();
    command.build();
    let Some(topic) = &args.topic else {
        out.line(command.render_help());
        return Exit::Done;
    };
    match command.find_subcommand_mut(topic) {
        Some(verb) => {
            out.line(verb.render_help());
            Exit::Done
        }
        None => {
            out.error(format_args!(
                "the manual has no page {topic:?}: it has config, error, example, headers, metrics and every verb"
            ));
            Exit::No
        }
    }
}

/// The command line as clap sees it: completions and `help VERB` are drawn from it.
fn command() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

const EXAMPLES: &str = "Examples:
  authgate init --to http://127.0.0.1:3000 --protect /api
  authgate run";

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_well_formed() {
        super::command().debug_assert();
    }

    #[test]
    fn every_help_shows_two_examples_of_just_this() {
        fn look(verb: &clap::Command, path: &str, wanting: &mut Vec<String>) {
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            let begins = |rest: &str| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '-');
            if help.split(path).skip(1).filter(|rest| begins(rest)).count() < 2 {
                wanting.push(path.to_owned());
            }
            for below in verb.get_subcommands() {
                look(below, &format!("{path} {}", below.get_name()), wanting);
            }
        }
        let mut wanting = vec![];
        look(&super::command(), "authgate", &mut wanting);
        assert!(wanting.is_empty(), "no two examples: {wanting:?}");
    }
}
