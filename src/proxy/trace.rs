//! `traceparent` (W3C Trace Context): kept where it is well-formed, made where it is not or is missing.
use http::{HeaderMap, HeaderName};

use crate::base::quick_random;

/// Whether what the client says of a trace goes on. Two of one kind tell nothing.
pub(super) fn is_kept(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(&PARENT).iter();
    lines.next().is_some_and(|line| is_good(line.as_bytes())) && lines.next().is_none()
}

/// What belongs to a trace, and is left out with one that is not understood.
pub(super) fn is_about(name: &HeaderName) -> bool {
    *name == PARENT || *name == STATE
}

fn is_good(parent: &[u8]) -> bool {
    let [v1, v2, b'-', trace @ .., rest_of_trace] = parent.get(..35).unwrap_or_default() else { return false };
    let version = [*v1, *v2];
    let trace_is_set = trace.iter().chain([rest_of_trace]).any(|&digit| digit != b'0');
    let Some([b'-', span @ ..]) = parent.get(35..52) else { return false };
    let Some([b'-', f1, f2]) = parent.get(52..55) else { return false };
    let all = version.iter().chain(trace).chain([rest_of_trace]).chain(span).chain([f1, f2]);
    let ends = match parent.get(55..) {
        Some([]) => true,
        // What a later version adds is not ours to judge.
        Some([b'-', ..]) => version != *b"00",
        Some(_) | None => false,
    };
    let is_hex = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    ends && version != *b"ff" && trace_is_set && span.iter().any(|&digit| digit != b'0') && all.into_iter().all(is_hex)
}

/// A trace that nobody began begins here, marked to be recorded: to a backend whose sampling follows its caller that is the
/// same as no mark at all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    trace: [u64; 2],
    span: u64,
}

impl Begun {
    pub(super) fn now() -> Self {
        Self { trace: [quick_random(), quick_random() | 1], span: quick_random() | 1 }
    }

    pub(super) fn write(self, text: &mut Vec<u8>) {
        let Self { trace: [high, low], span } = self;
        text.extend_from_slice(b"00-");
        push_hex(text, high);
        push_hex(text, low);
        text.push(b'-');
        push_hex(text, span);
        text.extend_from_slice(b"-01");
    }
}

fn push_hex(text: &mut Vec<u8>, number: u64) {
    // All sixteen digits at once: each half of a byte in a byte of its own ...
    let mut halves = u128::from(number);
    for (shift, mask) in SPREAD {
        halves = (halves | halves << shift) & mask;
    }
    // ... and 0x27 more where it is above nine: 'a' does not follow '9'.
    let above_nine = ((halves + ONES * 6) >> 4) & ONES;
    text.extend_from_slice(&(halves + ONES * 0x30 + above_nine * 0x27).to_be_bytes());
}

/// A one in each byte.
const ONES: u128 = u128::from_ne_bytes([1; 16]);
/// Moves the halves of what is left apart, down to halves of a byte.
const SPREAD: [(u32, u128); 4] = [
    (32, 0x0000_0000_ffff_ffff_0000_0000_ffff_ffff),
    (16, 0x0000_ffff_0000_ffff_0000_ffff_0000_ffff),
    (8, 0x00ff_00ff_00ff_00ff_00ff_00ff_00ff_00ff),
    (4, 0x0f0f_0f0f_0f0f_0f0f_0f0f_0f0f_0f0f_0f0f),
];

pub(super) const PARENT: HeaderName = HeaderName::from_static("traceparent");
const STATE: HeaderName = HeaderName::from_static("tracestate");

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn kept(parents: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for parent in parents {
            headers.try_append(PARENT, HeaderValue::from_static(parent)).unwrap();
        }
        is_kept(&headers)
    }

    #[test]
    fn a_number_is_written_in_sixteen_digits() {
        for number in [0, 9, 10, 0x1234_5678_9abc_def0, 0xdead_beef, u64::MAX] {
            let mut text = Vec::new();
            push_hex(&mut text, number);
            assert_eq!(String::from_utf8(text).unwrap(), format!("{number:016x}"));
        }
    }

    #[test]
    fn a_good_one_is_kept() {
        for good in [GOOD, "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"] {
            assert!(kept(&[good]), "{good}");
        }
    }

    #[test]
    fn any_other_is_not_and_a_new_one_is_good() {
        for bad in [
            "",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "x",
        ] {
            assert!(!kept(&[bad]), "{bad}");
        }
        assert!(!kept(&[]) && !kept(&[GOOD, GOOD]));
        let made = || {
            let mut text = Vec::new();
            Begun::now().write(&mut text);
            text
        };
        assert!(is_good(&made()) && made() != made());
    }
}
