//! The parts that lines of the log are made of.
use std::cell::RefCell;
use std::io::Write;
use std::time::Duration;

use super::escape::push_json;
use crate::base::Timestamp;

/// Makes a line in a buffer that the thread uses again and again.
pub(super) fn with_line<T>(make: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    LINE.with_borrow_mut(|line| {
        line.clear();
        make(line)
    })
}

/// One JSON object: `{`, fields, `}` and the end of the line.
pub(super) struct Object<'line> {
    line: &'line mut Vec<u8>,
    empty: bool,
}

impl<'line> Object<'line> {
    pub(super) fn begin(line: &'line mut Vec<u8>) -> Self {
        line.push(b'{');
        Self { line, empty: true }
    }

    pub(super) fn end(self) {
        self.line.extend_from_slice(b"}\n");
    }

    pub(super) fn time(&mut self, name: &str, time: Timestamp) {
        self.name(name).push(b'"');
        push_time(self.line, time);
        self.line.push(b'"');
    }

    pub(super) fn bytes(&mut self, name: &str, value: &[u8]) {
        push_json(self.name(name), value);
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.bytes(name, value.as_bytes());
    }

    pub(super) fn maybe(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// A number or a truth value, as it prints.
    pub(super) fn plain(&mut self, name: &str, value: impl std::fmt::Display) {
        print(self.name(name), format_args!("{value}"));
    }

    /// Something that prints only what needs no escape: an address, an id of ours.
    pub(super) fn quoted(&mut self, name: &str, value: impl std::fmt::Display) {
        print(self.name(name), format_args!("\"{value}\""));
    }

    pub(super) fn millis(&mut self, name: &str, took: Duration) {
        push_millis(self.name(name), took);
    }

    fn name(&mut self, name: &str) -> &mut Vec<u8> {
        if !self.empty {
            self.line.push(b',');
        }
        self.empty = false;
        push_json(self.line, name.as_bytes());
        self.line.push(b':');
        self.line
    }
}

/// `2026-11-22T14:02:11.123Z`
pub(super) fn push_time(out: &mut Vec<u8>, time: Timestamp) {
    SECOND.with_borrow_mut(|(second, text)| {
        if *second != time.seconds() || text.is_empty() {
            *second = time.seconds();
            *text = Timestamp::from_seconds(time.seconds()).to_string();
        }
        // Without the ".000Z" of a whole second.
        out.extend_from_slice(text.as_bytes().get(..DATE_AND_TIME).unwrap_or_default());
    });
    print(out, format_args!(".{:03}Z", time.millis() % 1000));
}

/// `14:02:11.123`
pub(super) fn push_time_of_day(out: &mut Vec<u8>, time: Timestamp) {
    let begin = out.len();
    push_time(out, time);
    out.drain(begin..(begin + DATE).min(out.len()));
    out.pop();
}

/// `1.234`, in milliseconds.
pub(super) fn push_millis(out: &mut Vec<u8>, took: Duration) {
    let micros = took.as_micros();
    print(out, format_args!("{}.{:03}", micros / 1000, micros % 1000));
}

pub(super) fn print(out: &mut Vec<u8>, what: std::fmt::Arguments<'_>) {
    out.write_fmt(what).expect("a Vec takes all that is written");
}

const DATE: usize = "2026-11-22T".len();
const DATE_AND_TIME: usize = "2026-11-22T14:02:11".len();

thread_local! {
    static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// The second that was printed last, and its text: making it costs more than the rest of a line.
    static SECOND: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(make: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        make(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn times_are_written_to_the_millisecond() {
        let time = Timestamp::from_millis(1_790_000_000_007);
        for _ in 0..2 {
            assert_eq!(text(|out| push_time(out, time)), "2026-09-21T14:13:20.007Z");
        }
        assert_eq!(text(|out| push_time(out, Timestamp::from_millis(999))), "1970-01-01T00:00:00.999Z");
        assert_eq!(text(|out| push_time_of_day(out, time)), "14:13:20.007");
    }

    #[test]
    fn durations_are_milliseconds_with_three_places() {
        assert_eq!(text(|out| push_millis(out, Duration::from_micros(1_234_056))), "1234.056");
        assert_eq!(text(|out| push_millis(out, Duration::from_nanos(900))), "0.000");
    }

    #[test]
    fn an_object_is_one_line_of_json() {
        let line = text(|out| {
            let mut object = Object::begin(out);
            object.text("a", "x\ny");
            object.plain("b", 7);
            object.maybe("none", None);
            object.quoted("ip", std::net::Ipv4Addr::LOCALHOST);
            object.end();
        });
        assert_eq!(line, "{\"a\":\"x\\ny\",\"b\":7,\"ip\":\"127.0.0.1\"}\n");
    }
}
