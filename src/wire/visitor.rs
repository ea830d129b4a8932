//! Somebody who opens a page, told from a program that calls an API.
use http::header::{ACCEPT, ACCEPT_LANGUAGE};
use http::{HeaderMap, HeaderName, HeaderValue};

/// A person with a browser, who is to be shown a page and not a JSON object.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    languages: Option<HeaderValue>,
}

impl Visitor {
    /// A browser that opens a page says so (Fetch Metadata); whoever does not say what they do asks for HTML by name.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let opens = match headers.get(&FETCH_MODE) {
            Some(mode) => mode.as_bytes() == b"navigate",
            None => headers.get(ACCEPT).is_some_and(names_html) && !headers.contains_key(&REQUESTED_WITH),
        };
        opens.then(|| Self { languages: headers.get(ACCEPT_LANGUAGE).cloned() })
    }

    /// `Accept-Language`
    pub(crate) fn languages(&self) -> Option<&str> {
        self.languages.as_ref().and_then(|languages| languages.to_str().ok())
    }
}

fn names_html(accepts: &HeaderValue) -> bool {
    accepts.as_bytes().split(|&byte| byte == b',').any(is_html)
}

fn is_html(range: &[u8]) -> bool {
    let kind = range.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    kind.eq_ignore_ascii_case(b"text/html") || kind.eq_ignore_ascii_case(b"application/xhtml+xml")
}

const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
/// What scripts of old set.
const REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

#[cfg(test)]
mod tests {
    use super::*;

    fn visits(fields: &[(&'static str, &'static str)]) -> bool {
        let fields =
            fields.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        Visitor::of(&fields.collect()).is_some()
    }

    #[test]
    fn browsers_that_open_a_page_are_told_from_all_else() {
        const PAGE: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        assert!(visits(&[("accept", PAGE)]));
        assert!(visits(&[("accept", "application/json, Text/HTML;q=0.9"), ("sec-fetch-mode", "navigate")]));
        assert!(visits(&[("accept", "*/*"), ("sec-fetch-mode", "navigate")]));
        assert!(!visits(&[]));
        assert!(!visits(&[("accept", "*/*")]));
        assert!(!visits(&[("accept", "application/json")]));
        assert!(!visits(&[("accept", "text/htmlx")]));
        assert!(!visits(&[("accept", PAGE), ("sec-fetch-mode", "cors")]));
        assert!(!visits(&[("accept", PAGE), ("sec-fetch-mode", "no-cors")]));
        assert!(!visits(&[("accept", PAGE), ("x-requested-with", "XMLHttpRequest")]));
    }
}
