//! Where a verb writes: results on stdout, everything else on stderr.
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use super::{Global, Terminal};

/// How a verb ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done; the answer is yes.
    Done,
    /// The answer is no.
    No,
    /// Could not find out: store, gateway or file not reachable.
    Unknown,
    /// Wrong usage that clap cannot see.
    Usage,
    /// `run` refuses the configuration (sysexits `EX_CONFIG`).
    BadConfig,
    /// Ctrl-C.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::No => 1,
            Exit::Usage => 2,
            Exit::Unknown => 3,
            Exit::BadConfig => 78,
            Exit::Interrupted => 130,
        })
    }
}

impl Exit {
    const fn of_code(code: u8) -> Self {
        match code {
            0 => Self::Done,
            2 => Self::Usage,
            3 => Self::Unknown,
            78 => Self::BadConfig,
            130 => Self::Interrupted,
            _ => Self::No,
        }
    }
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The two streams, and how to write to them.
pub(crate) struct Out {
    stdout: Heeded,
    stderr: Box<dyn Write + Send>,
    json: bool,
    quiet: bool,
    color_out: bool,
    color_err: bool,
}

impl fmt::Debug for Out {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Out(..)")
    }
}

impl Out {
    pub(crate) fn of_process(global: &Global) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colored = |terminal: bool| match global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !no_color,
        };
        Self {
            color_out: colored(io::stdout().is_terminal()),
            color_err: colored(io::stderr().is_terminal()),
            stdout: Heeded { to: Box::new(io::stdout()), failed: None },
            stderr: Box::new(io::stderr()),
            json: global.json,
            quiet: global.quiet,
        }
    }

    pub(crate) const fn json(&self) -> bool {
        self.json
    }

    /// Whether messages may be coloured.
    pub(crate) const fn color_err(&self) -> bool {
        self.color_err
    }

    /// A line of the result; that it could not be written is told in the `end`.
    pub(crate) fn line(&mut self, text: impl fmt::Display) {
        writeln!(self.stdout, "{text}").ok();
    }

    /// The result as JSON, one value on a line of its own.
    pub(crate) fn data(&mut self, value: &serde_json::Value) {
        self.line(value);
    }

    /// A word to the person, beside the result.
    pub(crate) fn note(&mut self, text: impl fmt::Display) {
        if !self.quiet {
            writeln!(self.stderr, "{text}").ok();
        }
    }

    /// Whether words beside the result are unwanted.
    pub(crate) const fn quiet(&self) -> bool {
        self.quiet
    }

    /// What went wrong; said even when quiet.
    pub(crate) fn error(&mut self, text: impl fmt::Display) {
        writeln!(self.stderr, "{text}").ok();
    }

    /// Runs what reads and writes by itself.
    pub(crate) fn at_terminal(&mut self, command: impl FnOnce(&mut Terminal<'_>) -> u8) -> Exit {
        let stdin = io::stdin();
        let asks = stdin.is_terminal();
        let mut input = stdin.lock();
        let mut terminal =
            Terminal { out: &mut self.stdout, err: &mut self.stderr, input: &mut input, color: self.color_out, asks };
        Exit::of_code(command(&mut terminal))
    }

    pub(crate) fn flush(&mut self) {
        self.stdout.flush().ok();
        self.stderr.flush().ok();
    }

    /// How the verb ended after all: a result that could not be written is none.
    pub(crate) fn end(mut self, exit: Exit) -> Exit {
        self.flush();
        let Some(error) = self.stdout.failed.take() else { return exit };
        self.error(format_args!("cannot write the result: {error}"));
        self.flush();
        Exit::Unknown
    }
}

/// A stream that remembers the first thing that went wrong, since nobody who writes looks.
struct Heeded {
    to: Box<dyn Write + Send>,
    failed: Option<io::Error>,
}

impl Heeded {
    /// A reader that went away (`| head`) has what it wanted.
    fn heed<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &done
            && !matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::Interrupted)
            && self.failed.is_none()
        {
            self.failed = Some(error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error));
        }
        done
    }
}

impl Write for Heeded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let done = self.to.write(bytes);
        self.heed(done)
    }

    fn flush(&mut self) -> io::Result<()> {
        let done = self.to.flush();
        self.heed(done)
    }
}
