//! The log: everything it says goes to standard error, as text for eyes or as one JSON object a line.
use std::error::Error;
use std::fmt;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span;
use tracing::{Event, Metadata, Subscriber};

use super::access::AccessLog;
use super::chain::Chain;
use super::escape::push_text;
use super::line::{Object, print, push_time_of_day, with_line};
use super::sink::{Haste, Sink};
use super::{Level, LogFormat, LogSettings};
use crate::base::Clock;

/// Starts the log of this process. `colour` is false when the person asked for none; a file never has colours.
///
/// From here on a panic writes where it happened. What it says is written only when it stands in our own source, or when it is the
/// system's: any other message made at run time may hold what a client sent.
pub(crate) fn start(settings: &LogSettings, colour: bool) -> Result<LogGuard, LogError> {
    let terminal = io::stderr().is_terminal();
    let style = match settings.format {
        LogFormat::Json => Style::Json,
        LogFormat::Auto if !terminal => Style::Json,
        LogFormat::Auto | LogFormat::Text => Style::Text { colour: colour && terminal },
    };
    let notice = match style {
        Style::Json => lost_json,
        Style::Text { .. } => lost_text,
    };
    let sink = Sink::start("log", io::stderr(), notice).map_err(LogError::Thread)?;
    let lines = Lines::new(sink.clone(), style, settings.level);
    let level = Arc::clone(&lines.level);
    tracing::subscriber::set_global_default(lines).map_err(|_| LogError::Twice)?;
    let told = sink.clone();
    std::panic::set_hook(Box::new(move |info| write_panic(info, &told)));
    Ok(LogGuard { access: AccessLog::new(sink.clone(), style, settings.access), sink, level })
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    #[error("cannot start the thread that writes the log")]
    Thread(#[source] io::Error),
    #[error("the log was started before")]
    Twice,
}

/// The running log. When it is dropped, everything said so far has been written.
#[derive(Debug)]
pub(crate) struct LogGuard {
    sink: Sink,
    access: AccessLog,
    level: Arc<AtomicU8>,
}

impl LogGuard {
    pub(crate) fn access_log(&self) -> AccessLog {
        self.access.clone()
    }

    /// Waits until what was said so far is written.
    pub(crate) fn flush(&self) {
        self.sink.flush();
    }

    /// Obeys a reloaded file: level and access log. The format stays what it was at the start.
    pub(crate) fn change(&self, settings: &LogSettings) {
        self.access.turn(settings.access);
        self.level.store(rank(filter(settings.level)), Ordering::Relaxed);
        tracing::callsite::rebuild_interest_cache();
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.sink.flush();
    }
}

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Json,
    Text { colour: bool },
}

/// Takes every event of `tracing` and makes a line of it. We have no spans: a request's id is a field.
///
/// Ours, and not the formatter of a library, because every value must be escaped alike here, in the access log and in
/// the audit file.
struct Lines {
    sink: Sink,
    style: Style,
    level: Arc<AtomicU8>,
    clock: Clock,
}

impl Lines {
    fn new(sink: Sink, style: Style, level: Level) -> Self {
        Self { sink, style, level: Arc::new(AtomicU8::new(rank(filter(level)))), clock: Clock::system() }
    }

    fn level(&self) -> LevelFilter {
        unrank(self.level.load(Ordering::Relaxed))
    }

    fn push_object(&self, line: &mut Vec<u8>, event: &Event<'_>) {
        let mut object = Object::begin(line);
        object.time("time", self.clock.now());
        object.text("level", word(*event.metadata().level()));
        object.text("log", log_name(event.metadata()));
        event.record(&mut Fields(|name: &str, value: Value<'_>| {
            let name = if RESERVED.contains(&name) { "value" } else { name };
            match value {
                Value::Plain(value) => object.plain(name, value),
                Value::Text(value) => object.text(name, value),
            }
        }));
        object.end();
    }

    fn push_human(&self, line: &mut Vec<u8>, event: &Event<'_>, colour: bool) {
        push_time_of_day(line, self.clock.now());
        let level = *event.metadata().level();
        if colour {
            print(line, format_args!(" \x1b[{}m{:5}\x1b[0m", colour_of(level), word(level)));
        } else {
            print(line, format_args!(" {:5}", word(level)));
        }
        if log_name(event.metadata()) == AUDIT {
            line.extend_from_slice(b" audit:");
        }
        event.record(&mut Fields(|name: &str, value: Value<'_>| {
            line.push(b' ');
            if name != MESSAGE {
                print(line, format_args!("{name}="));
            }
            match value {
                Value::Plain(value) => print(line, value),
                Value::Text(value) if name != MESSAGE && (value.is_empty() || value.contains(' ')) => {
                    line.push(b'"');
                    push_text(line, value.as_bytes());
                    line.push(b'"');
                }
                Value::Text(value) => push_text(line, value.as_bytes()),
            }
        }));
        line.push(b'\n');
    }
}

impl Subscriber for Lines {
    /// Libraries speak only when something is wrong: at finer levels they print heads and frames, secrets included.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let most = if is_ours(metadata.target()) { self.level() } else { self.level().min(LevelFilter::WARN) };
        metadata.is_event() && *metadata.level() <= most
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level())
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Vec::with_capacity(256);
        match self.style {
            Style::Json => self.push_object(&mut line, event),
            Style::Text { colour } => self.push_human(&mut line, event, colour),
        }
        let haste = if *event.metadata().level() <= tracing::Level::WARN { Haste::Now } else { Haste::None };
        self.sink.push(&line, haste);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

enum Value<'a> {
    /// Numbers and truth values.
    Plain(fmt::Arguments<'a>),
    Text(&'a str),
}

/// Hands each field of an event to a function.
struct Fields<F>(F);

impl<F: FnMut(&str, Value<'_>)> Visit for Fields<F> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        (self.0)(field.name(), Value::Text(&format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        (self.0)(field.name(), Value::Text(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        (self.0)(field.name(), Value::Text(&Chain(value).to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        (self.0)(field.name(), Value::Plain(format_args!("{value}")));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        (self.0)(field.name(), Value::Plain(format_args!("{value}")));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        (self.0)(field.name(), Value::Plain(format_args!("{value}")));
    }
}

fn write_panic(info: &std::panic::PanicHookInfo<'_>, sink: &Sink) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let made = info.payload().downcast_ref::<String>().map(String::as_str).filter(|made| is_of_the_system(made));
    let said = info.payload().downcast_ref::<&'static str>().copied().or(made);
    tracing::error!(place, said = said.unwrap_or("(made at run time, not written)"), "panic");
    // A thread that finds no memory to begin with ends the process at once, and with it the one that writes.
    if made.is_some() {
        sink.flush();
    }
}

/// What is said when the system has no memory or no thread left; nothing of a client's is in it.
fn is_of_the_system(said: &str) -> bool {
    const BEGINNINGS: [&str; 4] = [
        "failed to allocate an alternative stack: ",
        "failed to set up alternative stack guard page: ",
        "failed to spawn thread: ",
        "OS can't spawn worker thread: ",
    ];
    BEGINNINGS.iter().any(|beginning| said.starts_with(beginning))
}

fn lost_json(lost: u64) -> Vec<u8> {
    with_line(|line| {
        let mut object = Object::begin(line);
        object.time("time", Clock::system().now());
        object.text("level", "warn");
        object.text("log", GATEWAY);
        object.text(MESSAGE, LOST);
        object.plain("lines", lost);
        object.end();
        line.clone()
    })
}

fn lost_text(lost: u64) -> Vec<u8> {
    with_line(|line| {
        push_time_of_day(line, Clock::system().now());
        print(line, format_args!(" warn  {LOST} lines={lost}\n"));
        line.clone()
    })
}

fn is_ours(target: &str) -> bool {
    target == AUDIT || target == GATEWAY || target.starts_with("authgate::")
}

fn log_name(metadata: &Metadata<'_>) -> &'static str {
    match metadata.target() {
        AUDIT => AUDIT,
        target if is_ours(target) => GATEWAY,
        _ => "library",
    }
}

const fn word(level: tracing::Level) -> &'static str {
    match level {
        tracing::Level::ERROR => "error",
        tracing::Level::WARN => "warn",
        tracing::Level::INFO => "info",
        tracing::Level::DEBUG => "debug",
        tracing::Level::TRACE => "trace",
    }
}

const fn colour_of(level: tracing::Level) -> u8 {
    match level {
        tracing::Level::ERROR => 31,
        tracing::Level::WARN => 33,
        tracing::Level::INFO => 32,
        tracing::Level::DEBUG | tracing::Level::TRACE => 90,
    }
}

const fn filter(level: Level) -> LevelFilter {
    match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    }
}

fn rank(filter: LevelFilter) -> u8 {
    LEVELS.iter().zip(0_u8..).find(|(level, _)| **level == filter).map_or(0, |(_, rank)| rank)
}

fn unrank(rank: u8) -> LevelFilter {
    LEVELS.get(usize::from(rank)).copied().unwrap_or(LevelFilter::INFO)
}

const LEVELS: [LevelFilter; 5] =
    [LevelFilter::ERROR, LevelFilter::WARN, LevelFilter::INFO, LevelFilter::DEBUG, LevelFilter::TRACE];
const AUDIT: &str = "audit";
const GATEWAY: &str = "authgate";
const MESSAGE: &str = "message";
const LOST: &str = "the log could not be written fast enough: lines were lost";
/// Names of our own that a field must not repeat.
const RESERVED: [&str; 3] = ["time", "level", "log"];

#[cfg(test)]
mod tests {
    use super::super::sink::tests::{Kept, notice};
    use super::*;

    fn written(style: Style, level: Level, speak: impl FnOnce()) -> String {
        let kept = Kept::default();
        let lines = Lines::new(Sink::start("test", kept.clone(), notice).unwrap(), style, level);
        tracing::subscriber::with_default(lines, speak);
        kept.text()
    }

    fn json(level: Level, speak: impl FnOnce()) -> Vec<serde_json::Value> {
        written(Style::Json, level, speak).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn an_event_is_one_json_object() {
        let lines = json(Level::Info, || {
            tracing::info!(count = 3, ok = true, name = %"a\r\nb", "it \"happened\"\x1b[2J");
        });
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["message"], "it \"happened\"\x1b[2J");
        assert_eq!(lines[0]["name"], "a\r\nb");
        assert_eq!(lines[0]["count"], 3);
        assert_eq!(lines[0]["ok"], true);
        assert_eq!(lines[0]["level"], "info");
        assert_eq!(lines[0]["log"], "authgate");
    }

    #[test]
    fn an_event_is_one_line_for_eyes() {
        let text = written(Style::Text { colour: false }, Level::Info, || {
            tracing::warn!(name = %"two words\n\x1b[2J", short = "one", "look");
        });
        assert!(text.ends_with(" warn  look name=\"two words\\u{0a}\\u{1b}[2J\" short=one\n"), "{text}");
        assert!(!text.trim_end().chars().any(char::is_control), "{text:?}");
        let coloured = written(Style::Text { colour: true }, Level::Info, || tracing::error!("x"));
        assert!(coloured.contains("\x1b[31merror\x1b[0m"), "{coloured:?}");
    }

    #[test]
    fn only_what_the_level_asks_for_is_said() {
        let said = |level| {
            json(level, || {
                tracing::error!("e");
                tracing::warn!("w");
                tracing::info!("i");
                tracing::debug!("d");
                tracing::trace!("t");
            })
        };
        for (level, count) in
            [(Level::Error, 1), (Level::Warn, 2), (Level::Info, 3), (Level::Debug, 4), (Level::Trace, 5)]
        {
            assert_eq!(said(level).len(), count, "{level:?}");
        }
    }

    #[test]
    fn a_library_speaks_only_when_something_is_wrong() {
        let lines = json(Level::Trace, || {
            tracing::trace!(target: "h2::codec", frame = "authorization: Bearer secret");
            tracing::info!(target: "sqlx::query", "select");
            tracing::warn!(target: "sqlx::pool", "slow");
            tracing::info!(target: "authgatekeeper", "not ours");
        });
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["log"], "library");
    }

    #[test]
    fn a_field_cannot_take_the_place_of_our_own() {
        let lines = json(Level::Info, || tracing::info!(log = "audit", level = "x", "forged"));
        assert_eq!(lines[0]["log"], "authgate");
        assert_eq!(lines[0]["level"], "info");
    }

    #[test]
    fn lost_lines_are_told_in_the_style_of_the_log() {
        let told: serde_json::Value = serde_json::from_slice(&lost_json(7)).unwrap();
        assert_eq!(told["lines"], 7);
        assert!(String::from_utf8(lost_text(7)).unwrap().ends_with("lines were lost lines=7\n"));
    }

    #[test]
    fn a_reload_changes_the_level() {
        let kept = Kept::default();
        let sink = Sink::start("test", kept.clone(), notice).unwrap();
        let lines = Lines::new(sink.clone(), Style::Json, Level::Info);
        let access = AccessLog::new(sink.clone(), Style::Json, true);
        let guard = LogGuard { sink, access, level: Arc::clone(&lines.level) };
        tracing::subscriber::with_default(lines, || {
            for level in [Level::Info, Level::Debug, Level::Warn] {
                guard.change(&LogSettings { level, format: LogFormat::Json, access: false, audit_file: None });
                tracing::debug!("{level:?}");
            }
        });
        assert!(!guard.access_log().is_on());
        drop(guard);
        let text = kept.text();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains(r#""message":"Debug""#), "{text}");
    }

    #[test]
    fn a_panic_tells_what_the_system_said_and_nothing_else_that_was_made_at_run_time() {
        assert!(is_of_the_system("failed to allocate an alternative stack: Cannot allocate memory (os error 12)"));
        assert!(!is_of_the_system("hunter2: failed to spawn thread: "));
    }
}
