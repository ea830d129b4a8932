//! The access log: one line for each request.
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::escape::{capped, push_text};
use super::line::{Object, print, push_millis, push_time_of_day, with_line};
use super::log::Style;
use super::sink::{Haste, Sink};
use crate::base::Timestamp;

/// Writes a line for each request, when the operator wants them. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct AccessLog {
    sink: Sink,
    style: Style,
    on: Arc<AtomicBool>,
}

/// What is said about a request. The query is never among it: tokens hide there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Access<'a> {
    pub(crate) time: Timestamp,
    pub(crate) request_id: &'a str,
    pub(crate) client: Option<IpAddr>,
    pub(crate) method: &'a str,
    /// As the client sent it.
    pub(crate) host: &'a str,
    /// As it was matched and forwarded.
    pub(crate) path: &'a str,
    pub(crate) has_query: bool,
    pub(crate) status: u16,
    /// The prefix of the route.
    pub(crate) route: Option<&'a str>,
    pub(crate) decision: &'a str,
    /// A stable code.
    pub(crate) reason: &'a str,
    /// The account's own name or id, never what a stranger typed.
    pub(crate) user: Option<&'a str>,
    pub(crate) upstream: Option<&'a str>,
    /// Until the body's end.
    pub(crate) took: Duration,
    pub(crate) upstream_took: Option<Duration>,
    /// As it was announced; `None` where it was not.
    pub(crate) bytes_in: Option<u64>,
    pub(crate) bytes_out: u64,
    pub(crate) user_agent: Option<&'a [u8]>,
}

impl AccessLog {
    pub(super) fn new(sink: Sink, style: Style, on: bool) -> Self {
        Self { sink, style, on: Arc::new(AtomicBool::new(on)) }
    }

    /// False when nobody wants the lines: what they are made of need not be gathered.
    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    pub(crate) fn write(&self, access: &Access<'_>) {
        if !self.is_on() {
            return;
        }
        with_line(|line| {
            match self.style {
                Style::Json => push_object(line, access),
                Style::Text { colour } => push_human(line, access, colour),
            }
            self.sink.push(line, Haste::None);
        });
    }

    pub(super) fn turn(&self, on: bool) {
        self.on.store(on, Ordering::Relaxed);
    }
}

fn push_object(line: &mut Vec<u8>, access: &Access<'_>) {
    let mut object = Object::begin(line);
    object.time("time", access.time);
    object.text("level", "info");
    object.text("log", "access");
    object.bytes("request_id", capped(access.request_id.as_bytes(), MOST_ID));
    if let Some(client) = access.client {
        object.quoted("client", client);
    }
    object.bytes("method", capped(access.method.as_bytes(), MOST_METHOD));
    object.bytes("host", capped(access.host.as_bytes(), MOST_HOST));
    object.bytes("path", capped(access.path.as_bytes(), MOST_PATH));
    object.plain("query", access.has_query);
    object.plain("status", access.status);
    object.maybe("route", access.route);
    object.text("decision", access.decision);
    object.text("reason", access.reason);
    object.maybe("user", access.user);
    object.maybe("upstream", access.upstream);
    object.millis("duration_ms", access.took);
    if let Some(took) = access.upstream_took {
        object.millis("upstream_ms", took);
    }
    if let Some(announced) = access.bytes_in {
        object.plain("bytes_in", announced);
    }
    object.plain("bytes_out", access.bytes_out);
    if let Some(agent) = access.user_agent {
        object.bytes("user_agent", capped(agent, MOST_AGENT));
    }
    object.end();
}

/// For eyes: what happened first, the id to look up last.
fn push_human(line: &mut Vec<u8>, access: &Access<'_>, colour: bool) {
    push_time_of_day(line, access.time);
    if colour {
        print(line, format_args!(" \x1b[{}m{:3}\x1b[0m", colour_of(access.status), access.status));
    } else {
        print(line, format_args!(" {:3}", access.status));
    }
    line.push(b' ');
    push_text(line, capped(access.method.as_bytes(), MOST_METHOD));
    line.push(b' ');
    push_text(line, capped(access.host.as_bytes(), MOST_HOST));
    push_text(line, capped(access.path.as_bytes(), MOST_PATH));
    if access.has_query {
        line.extend_from_slice(b"?..");
    }
    line.push(b' ');
    push_millis(line, access.took);
    line.extend_from_slice(b"ms ");
    for (name, value) in [
        ("", Some(access.decision)),
        (" ", Some(access.reason)),
        (" route=", access.route),
        (" user=", access.user),
        (" upstream=", access.upstream),
    ] {
        if let Some(value) = value {
            line.extend_from_slice(name.as_bytes());
            push_text(line, value.as_bytes());
        }
    }
    if let Some(client) = access.client {
        print(line, format_args!(" from={client}"));
    }
    line.extend_from_slice(b" id=");
    push_text(line, capped(access.request_id.as_bytes(), MOST_ID));
    line.push(b'\n');
}

/// Green for what went well, cyan for a redirect, yellow for the client's fault, red for ours.
const fn colour_of(status: u16) -> u8 {
    match status {
        200..300 => 32,
        300..400 => 36,
        400..500 => 33,
        _ => 31,
    }
}

// What a client chooses is cut here, so that a line has a bound.
const MOST_ID: usize = 128;
const MOST_METHOD: usize = 32;
const MOST_HOST: usize = 255;
const MOST_PATH: usize = 2048;
const MOST_AGENT: usize = 256;

#[cfg(test)]
mod tests {
    use super::super::sink::tests::{Kept, notice};
    use super::*;

    fn access() -> Access<'static> {
        Access {
            time: Timestamp::from_millis(1_790_000_000_123),
            request_id: "01J8ZKQ5W3",
            client: Some("10.0.0.1".parse().unwrap()),
            method: "GET",
            host: "app.example.com",
            path: "/api/x",
            has_query: true,
            status: 200,
            route: Some("/api"),
            decision: "allow",
            reason: "signed_in",
            user: Some("ann"),
            upstream: Some("app"),
            took: Duration::from_micros(1234),
            upstream_took: Some(Duration::from_micros(900)),
            bytes_in: Some(0),
            bytes_out: 12,
            user_agent: Some(b"curl/8"),
        }
    }

    fn written(style: Style, access: &Access<'_>) -> String {
        let kept = Kept::default();
        let sink = Sink::start("test", kept.clone(), notice).unwrap();
        AccessLog::new(sink, style, true).write(access);
        kept.text()
    }

    #[test]
    fn a_request_is_one_json_object() {
        let expected = concat!(
            r#"{"time":"2026-09-21T14:13:20.123Z","level":"info","log":"access","request_id":"01J8ZKQ5W3","#,
            r#""client":"10.0.0.1","method":"GET","host":"app.example.com","path":"/api/x","query":true,"#,
            r#""status":200,"route":"/api","decision":"allow","reason":"signed_in","user":"ann","#,
            r#""upstream":"app","duration_ms":1.234,"upstream_ms":0.900,"bytes_in":0,"bytes_out":12,"#,
            r#""user_agent":"curl/8"}"#,
            "\n"
        );
        let line = written(Style::Json, &access());
        assert_eq!(line, expected);
        serde_json::from_str::<serde_json::Value>(&line).unwrap();
    }

    #[test]
    fn a_request_is_one_line_for_eyes() {
        let line = written(Style::Text { colour: false }, &access());
        let expected = "14:13:20.123 200 GET app.example.com/api/x?.. 1.234ms allow signed_in route=/api user=ann \
                        upstream=app from=10.0.0.1 id=01J8ZKQ5W3\n";
        assert_eq!(line, expected);
        assert!(written(Style::Text { colour: true }, &access()).contains("\x1b[32m200\x1b[0m"));
    }

    #[test]
    fn nothing_a_client_sends_breaks_the_line() {
        let hostile = "x\r\n{\"log\":\"audit\"}\x1b[2J\"}";
        let access = Access {
            request_id: hostile,
            method: hostile,
            host: hostile,
            path: hostile,
            user_agent: Some(b"\xff\xfe\x00\r\n"),
            ..access()
        };
        let line = written(Style::Json, &access);
        assert_eq!(line.matches('\n').count(), 1);
        assert!(!line.trim_end().chars().any(char::is_control), "{line}");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["path"], hostile);
        assert_eq!(read["log"], "access");
        let line = written(Style::Text { colour: false }, &access);
        assert_eq!(line.matches('\n').count(), 1);
        assert!(!line.trim_end().chars().any(char::is_control), "{line}");
    }

    #[test]
    fn a_line_has_a_bound() {
        let long = "y".repeat(100_000);
        let access =
            Access { host: &long, path: &long, user_agent: Some(long.as_bytes()), request_id: &long, ..access() };
        assert!(written(Style::Json, &access).len() < 4096);
    }

    #[test]
    fn nothing_is_written_when_nobody_wants_it() {
        let kept = Kept::default();
        let log = AccessLog::new(Sink::start("test", kept.clone(), notice).unwrap(), Style::Json, false);
        log.write(&access());
        log.turn(true);
        log.write(&access());
        drop(log);
        assert_eq!(kept.text().lines().count(), 1);
    }
}
