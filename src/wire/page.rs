//! Browsers that open a page, and the way back to the page they asked for.
use std::fmt::Write as _;

use http::header::{ACCEPT, AUTHORIZATION};
use http::uri::PathAndQuery;
use http::{HeaderName, Method};

use super::{CanonPath, Inbound};

impl Inbound {
    /// Whether a person would see the answer: a browser opens a page (Fetch Metadata; without it, by what is accepted).
    pub(crate) fn opens_page(&self) -> bool {
        let headers = self.headers();
        // A browser that opens a page shows no token.
        if !matches!(*self.method(), Method::GET | Method::HEAD) || headers.contains_key(AUTHORIZATION) {
            return false;
        }
        match headers.get(&FETCH_MODE) {
            Some(mode) => mode == "navigate",
            None => headers.get_all(ACCEPT).iter().any(|kinds| {
                let kinds = kinds.as_bytes().to_ascii_lowercase();
                kinds.windows(HTML.len()).any(|kind| kind == HTML)
            }),
        }
    }
}

/// A page of this site to go to after signing in or out: a path of ours and its query, and nothing else.
#[derive(Debug)]
pub(crate) struct ReturnTo(CanonPath);

impl ReturnTo {
    /// `None` for whatever a browser could take for another site, and for what is no one canonical path.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_RETURN_TO
            || !text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#'))
        {
            return None;
        }
        let target = PathAndQuery::try_from(text).ok().filter(|target| target.as_str() == text)?;
        CanonPath::parse(&target).ok().map(Self)
    }

    /// Where the browser goes: begins with one `/`.
    pub(crate) fn as_str(&self) -> &str {
        self.0.target().as_str()
    }

    pub(crate) fn path(&self) -> &str {
        self.0.as_str()
    }

    /// The page that is asked for, as the value of a parameter. One that is too long is come back to without its query.
    pub(crate) fn parameter(path: &CanonPath) -> String {
        let whole = path.target().as_str();
        let text = [whole, path.as_str()].into_iter().find(|text| text.len() <= MAX_RETURN_TO).unwrap_or("/");
        let mut out = String::with_capacity(text.len() + 16);
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
                out.push(char::from(byte));
            } else {
                // Writing to a String cannot fail.
                let _written = write!(out, "%{byte:02X}");
            }
        }
        out
    }
}

const HTML: &[u8] = b"text/html";
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
/// Three times as much, escaped, still fits into a form.
const MAX_RETURN_TO: usize = 4 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // D01 to D05
    fn only_a_path_of_this_site_is_returned_to() {
        for text in ["/", "/a/b", "/a?b=c&d=%2Fe", "/a%20b?x=http://evil", "/?a", "/caf%C3%A9/"] {
            assert_eq!(ReturnTo::parse(text).unwrap().as_str(), text);
        }
        #[rustfmt::skip]
        let wrong = [
            "", "a", "//evil", "///evil", "http://evil", "https:evil", "https:/evil", "javascript:alert(1)", "data:text/html,x",
            "/\\evil", "\\\\evil", "/%09/evil", "/%0a/evil", "%20//evil", "%09//evil", " //evil", "\t//evil", "/\t/evil", "/a b", "/a\n",
            "http://g.evil/", "http://g@evil/", "http://evil.\\g/", "//evil%E3%80%82com", "//\u{ff45}vil.com", "/..//evil", "/.//evil",
            "/%2f/evil", "/%2e%2e/x", "/ok%0d%0aSet-Cookie:%20x=1", "/a#b", "/a?b#c", "/a?b\\c", "*", "/a\u{e9}",
        ];
        for text in wrong {
            assert!(ReturnTo::parse(text).is_none(), "{text:?}");
        }
        assert!(ReturnTo::parse(&format!("/{}", "a".repeat(MAX_RETURN_TO))).is_none());
    }

    #[test]
    fn a_page_is_written_as_a_parameter_and_reads_back() {
        let path = |text: &str| CanonPath::parse(&PathAndQuery::try_from(text).unwrap()).unwrap();
        assert_eq!(ReturnTo::parameter(&path("/a b".replace(' ', "%20").as_str())), "/a%2520b");
        assert_eq!(ReturnTo::parameter(&path("/a?b=c&d=e+f")), "/a%3Fb%3Dc%26d%3De%2Bf");
        let long = format!("/a?{}", "x".repeat(MAX_RETURN_TO));
        assert_eq!(ReturnTo::parameter(&path(&long)), "/a");
    }
}
