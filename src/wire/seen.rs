//! Which of the fields that are asked about stand in a request at all: one look at each name in place of one search for
//! each question. Nearly every request has none of them.
use http::HeaderMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen(u8);

impl Seen {
    /// `Content-Length`, `Transfer-Encoding`
    pub(crate) const FRAMING: Self = Self(1);
    pub(crate) const EXPECT: Self = Self(1 << 1);
    pub(crate) const UPGRADE: Self = Self(1 << 2);
    pub(crate) const CONNECTION: Self = Self(1 << 3);
    pub(crate) const COOKIE: Self = Self(1 << 4);
    pub(crate) const CONTENT_TYPE: Self = Self(1 << 5);
    /// `traceparent`, `tracestate`
    pub(crate) const TRACE: Self = Self(1 << 6);
    const NOTHING: Self = Self(0);

    pub(super) fn of(headers: &HeaderMap) -> Self {
        headers.keys().fold(Self::NOTHING, |all, name| Self(all.0 | Self::by(name.as_str()).0))
    }

    fn by(name: &str) -> Self {
        match name {
            "content-length" | "transfer-encoding" => Self::FRAMING,
            "expect" => Self::EXPECT,
            "upgrade" => Self::UPGRADE,
            "connection" => Self::CONNECTION,
            "cookie" => Self::COOKIE,
            "content-type" => Self::CONTENT_TYPE,
            "traceparent" | "tracestate" => Self::TRACE,
            _ => Self::NOTHING,
        }
    }

    /// Whether one of these stood in the request when it was read.
    pub(crate) const fn has(self, which: Self) -> bool {
        self.0 & which.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn what_stands_in_a_request_is_seen_and_nothing_else() {
        for (name, which) in [
            ("content-length", Seen::FRAMING),
            ("transfer-encoding", Seen::FRAMING),
            ("expect", Seen::EXPECT),
            ("upgrade", Seen::UPGRADE),
            ("connection", Seen::CONNECTION),
            ("cookie", Seen::COOKIE),
            ("content-type", Seen::CONTENT_TYPE),
            ("traceparent", Seen::TRACE),
            ("tracestate", Seen::TRACE),
            ("x-cookie", Seen::NOTHING),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("accept", HeaderValue::from_static("*/*"));
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("x"));
            assert_eq!(Seen::of(&headers), which, "{name}");
        }
    }
}
