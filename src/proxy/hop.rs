//! Fields that belong to one connection only (RFC 9110, section 7.6.1).
use http::header::CONNECTION;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Whether a field is never passed on, in either direction.
pub(super) fn is_hop_by_hop(name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(name, "connection" | "keep-alive" | "te" | "trailer" | "transfer-encoding" | "upgrade" | "http2-settings")
        || name.starts_with("proxy-")
}

/// The further fields that `Connection` names.
///
/// A field that has a meaning from end to end stays whatever `Connection` says, or naming `cookie` there would take it
/// off behind the gateway's back (CVE-2022-31813 and its like).
pub(super) fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let lines = headers.get_all(CONNECTION).iter().map(|line| line.as_bytes());
    // Nearly always there is nothing to look at.
    let lines = lines.filter(|line| !matches!(*line, b"keep-alive" | b"close" | b"Keep-Alive"));
    let words = lines.flat_map(|line| line.split(|&byte| byte == b',')).map(<[u8]>::trim_ascii);
    words.filter_map(|word| HeaderName::from_bytes(word).ok()).filter(|name| !is_end_to_end(name)).collect()
}

/// Whether `Connection` says this word.
pub(super) fn has_word(headers: &HeaderMap, word: &[u8]) -> bool {
    let lines = headers.get_all(CONNECTION).iter().map(HeaderValue::as_bytes);
    lines.flat_map(|line| line.split(|&byte| byte == b',')).any(|said| said.trim_ascii().eq_ignore_ascii_case(word))
}

fn is_end_to_end(name: &HeaderName) -> bool {
    let name = name.as_str();
    END_TO_END.contains(&name)
        || ["accept", "content-", "if-", "x-forwarded-", "sec-", "access-control-"]
            .iter()
            .any(|start| name.starts_with(start))
}

const END_TO_END: &[&str] = &[
    "age",
    "allow",
    "authorization",
    "cache-control",
    "cookie",
    "date",
    "etag",
    "expires",
    "forwarded",
    "host",
    "last-modified",
    "location",
    "origin",
    "pragma",
    "range",
    "referer",
    "retry-after",
    "server",
    "set-cookie",
    "traceparent",
    "tracestate",
    "user-agent",
    "vary",
    "via",
    "www-authenticate",
    "x-request-id",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_names_fields_but_none_that_matter_from_end_to_end() {
        let mut headers = HeaderMap::new();
        for line in ["close, x-hop, X-Forwarded-For, cookie", ",X-Other;q=1,,x-two", "keep-alive"] {
            headers.try_append(CONNECTION, HeaderValue::from_static(line)).unwrap();
        }
        assert_eq!(named_by_connection(&headers), ["close", "x-hop", "x-two"]);
    }
}
