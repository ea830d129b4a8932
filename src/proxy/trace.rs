//! `traceparent` (W3C Trace Context): kept where it is well-formed, made where it is not or is missing.
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

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
pub(super) fn make() -> HeaderValue {
    let mut text = Vec::with_capacity(55);
    text.extend_from_slice(b"00-");
    push_hex(&mut text, quick_random());
    push_hex(&mut text, quick_random() | 1);
    text.push(b'-');
    push_hex(&mut text, quick_random() | 1);
    text.extend_from_slice(b"-01");
    HeaderValue::from_maybe_shared(Bytes::from(text)).unwrap_or(HeaderValue::from_static(NONE))
}

fn push_hex(text: &mut Vec<u8>, number: u64) {
    for byte in number.to_be_bytes() {
        for half in [byte >> 4, byte & 0xf] {
            text.push(if half < 10 { b'0' + half } else { b'a' + half - 10 });
        }
    }
}

pub(super) const PARENT: HeaderName = HeaderName::from_static("traceparent");
const STATE: HeaderName = HeaderName::from_static("tracestate");
/// Well-formed; never used, because digits always make a value.
const NONE: &str = "00-00000000000000000000000000000001-0000000000000001-00";

#[cfg(test)]
mod tests {
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
    fn a_good_one_is_kept() {
        for good in [GOOD, "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", NONE] {
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
        assert!(is_good(make().as_bytes()) && make() != make());
    }
}
