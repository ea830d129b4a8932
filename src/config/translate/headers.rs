//! Header fields that an operator sets or takes away.
use http::{HeaderName, HeaderValue};

use crate::config::codes::Code;
use crate::config::finding::Finding;
use crate::config::read::{Part, Spot};
use crate::wire::{fold, is_same_fold};

/// A name, unless the connection or the gateway needs the field as it is.
pub(super) fn name(part: &Part<'_>, name: &Spot<String>) -> Option<HeaderName> {
    let refused = |why: &str| {
        let title = format!("the header `{}` cannot be changed", name.value);
        part.complain(Finding::new(Code::E208, name.place.clone(), title).label(why));
        None
    };
    let Ok(header) = HeaderName::from_bytes(name.value.as_bytes()) else { return refused("no name of a header") };
    let text = fold(header.as_str());
    let is_one_of = |names: &[&str]| names.iter().any(|name| is_same_fold(name, &text));
    if is_one_of(FRAMING) || text.starts_with("sec_websocket_") {
        return refused("belongs to the connection");
    }
    if is_one_of(OURS) || text.starts_with("x_forwarded_") {
        return refused("is made by the gateway");
    }
    Some(header)
}

/// A name and a value that can stand in a request.
pub(super) fn set(part: &Part<'_>, given: &Spot<String>, value: &Spot<String>) -> Option<(HeaderName, HeaderValue)> {
    let header = name(part, given)?;
    if let Ok(text) = HeaderValue::from_str(&value.value) {
        return Some((header, text));
    }
    let title = format!("the value of the header `{}` cannot be sent", given.value);
    part.complain(Finding::new(Code::E208, value.place.clone(), title).label("one line of visible ASCII and blanks"));
    None
}

const FRAMING: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
const OURS: &[&str] = &["forwarded", "x-request-id"];
