//! `authgate check`: what is wrong with the file, or what is open when nothing is.
mod deep;
mod fix;
pub(crate) mod protection;
mod show;
#[cfg(test)]
mod tests;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use deep::{Look, NoLook, Verdict};
use serde_json::Value;

use super::Terminal;
use crate::config::{self, ConfigError, Environment, Findings, Format, Loaded};

/// Checks the configuration file and says what is open.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = "Examples:\n  \
    authgate check\n  \
    authgate check --deep\n  \
    authgate check --format github --deny-warnings config/gateway.toml\n\n\
    Exit codes: 0 no errors, 1 errors, 3 the file cannot be read.\n\n\
    --format json prints one array. A finding has code, severity (error, warning), message, label, file, line, column,\n\
    span, help and replacement. With --deep one object follows for each thing that was looked at: code (upstream,\n\
    store, shared, mail, certificate, memory), severity (error, warning, ok), message, name, help and took_ms.")]
pub(crate) struct CheckArgs {
    /// The file, or - for standard input.
    pub(crate) file: Option<PathBuf>,
    /// How findings are told.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Warnings make the answer no as well.
    #[arg(long)]
    pub(crate) deny_warnings: bool,
    /// Print every setting in force and where it came from; secrets as ***.
    #[arg(long)]
    pub(crate) show: bool,
    /// Dial backends, store and mail server, read certificates, compare memory; change nothing.
    #[arg(long, conflicts_with = "show")]
    pub(crate) deep: bool,
    /// Without progress; the global --quiet.
    #[arg(skip)]
    pub(crate) quiet: bool,
    /// Put misspelt names right, after showing the lines.
    #[arg(long)]
    pub(crate) fix: bool,
}

/// `named` is the file of the global --config.
pub(crate) fn run(
    args: &CheckArgs,
    named: Option<&Path>,
    environment: &Environment,
    terminal: &mut Terminal<'_>,
) -> u8 {
    let result = match args.file.as_deref() {
        Some(file) if file == Path::new("-") && args.fix => {
            terminal.tell("--fix writes into a file, and - is none: name the file\n");
            return USAGE;
        }
        Some(file) if file == Path::new("-") => from_input(environment, terminal),
        file => config::find(file.or(named), environment).and_then(|path| {
            let result = config::load(&path, environment);
            if args.fix { fix::fix(result, &path, args.format, environment, terminal) } else { result }
        }),
    };
    match result {
        Ok(loaded) => accepted(args, &loaded, terminal),
        Err(ConfigError::Wrong(findings)) => refused(args.format, &findings, terminal),
        Err(error) => unreadable(&error, terminal),
    }
}

/// Says that there is no file to check, or why it cannot be read.
pub(crate) fn unreadable(error: &ConfigError, terminal: &mut Terminal<'_>) -> u8 {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    terminal.tell(&format!("{error}{cause}\n"));
    if matches!(error, ConfigError::NotFound(_)) {
        terminal.tell("`authgate init` writes one; -c FILE names another.\n");
    }
    UNKNOWN
}

/// Tells the findings of a file that cannot be put to work.
pub(crate) fn refused(format: Format, findings: &Findings, terminal: &mut Terminal<'_>) -> u8 {
    let told = match format {
        Format::Text => findings.told(terminal.color),
        Format::Json | Format::Github => findings.render(format, false),
    };
    terminal.say(&told);
    NO
}

fn from_input(environment: &Environment, terminal: &mut Terminal<'_>) -> Result<Loaded, ConfigError> {
    let mut bytes = Vec::new();
    let read = terminal.input.take(MAX_INPUT).read_to_end(&mut bytes);
    read.map_err(|cause| ConfigError::Unreadable { path: PathBuf::from("standard input"), cause })?;
    config::parse_bytes(&bytes, "stdin", environment)
}

fn accepted(args: &CheckArgs, loaded: &Loaded, terminal: &mut Terminal<'_>) -> u8 {
    let warnings = &loaded.warnings;
    let denied = args.deny_warnings && !warnings.is_empty();
    match (args.format, args.show) {
        (Format::Json, true) => terminal.say(&show::json(&loaded.effective)),
        (Format::Text, show) => {
            terminal.say(&warnings.render(Format::Text, terminal.color));
            if show {
                terminal.say(&show::toml(&loaded.effective));
            } else if denied {
                terminal.say(&format!("{} Warnings are denied.\n", warnings.summary()));
            } else {
                terminal.say(&protection::table(loaded));
            }
        }
        (Format::Json, false) if args.deep => {}
        (format, _) => terminal.say(&warnings.render(format, false)),
    }
    let deep = if args.deep { looked(args, loaded, terminal) } else { YES };
    if denied && deep == YES { NO } else { deep }
}

/// The file is right: is what it names there?
fn looked(args: &CheckArgs, loaded: &Loaded, terminal: &mut Terminal<'_>) -> u8 {
    let looks = match deep::look(loaded, args.format == Format::Json, args.quiet) {
        Ok(looks) => looks,
        Err(NoLook::Interrupted) => return INTERRUPTED,
        Err(NoLook::NoThreads) => return UNKNOWN,
    };
    match args.format {
        Format::Text => terminal.say(&format!("\n{}", deep::table(&looks))),
        Format::Json => {
            let mut all = loaded.warnings.to_json();
            if let Value::Array(list) = &mut all {
                list.extend(looks.iter().map(Look::to_json));
            }
            terminal.say(&format!("{all:#}\n"));
        }
        Format::Github => {
            let complaints = looks.iter().filter_map(Look::complaint);
            let lines = complaints.map(|(severity, said)| loaded.warnings.annotation(severity, &said));
            terminal.say(&lines.collect::<String>());
        }
    }
    let no = |look: &Look| match look.verdict {
        Verdict::Failed => true,
        Verdict::Doubtful => args.deny_warnings,
        Verdict::Fine => false,
    };
    if looks.iter().any(no) { NO } else { YES }
}

/// Exit codes: done; the answer is no; wrong usage; could not find out; Ctrl-C.
const YES: u8 = 0;
const NO: u8 = 1;
const USAGE: u8 = 2;
const UNKNOWN: u8 = 3;
const INTERRUPTED: u8 = 130;
/// One more than the largest file there may be, so that a longer one is noticed.
const MAX_INPUT: u64 = 1024 * 1024 + 1;
