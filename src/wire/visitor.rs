//! Somebody who opens a page, told from a program that calls an API.
use http::header::{ACCEPT, ACCEPT_LANGUAGE};
use http::{HeaderMap, HeaderName, HeaderValue};

/// A person with a browser, who is to be shown a page and not a JSON object.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    languages: Option<HeaderValue>,
}

impl Visitor {
    /// Whoever asks for HTML by name and, as far as the browser says (Fetch Metadata), opens it as a page.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let accepts = headers.get(ACCEPT)?.as_bytes();
        let wants_html = accepts.split(|&byte| byte == b',').any(is_html);
        let opens = headers.get(&FETCH_MODE).is_none_or(|mode| mode.as_bytes() == b"navigate");
        let by_script = headers.contains_key(&REQUESTED_WITH);
        (wants_html && opens && !by_script).then(|| Self { languages: headers.get(ACCEPT_LANGUAGE).cloned() })
    }

    /// `Accept-Language`
    pub(crate) fn languages(&self) -> Option<&str> {
        self.languages.as_ref().and_then(|languages| languages.to_str().ok())
    }
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
        assert!(!visits(&[]));
        assert!(!visits(&[("accept", "*/*")]));
        assert!(!visits(&[("accept", "application/json")]));
        assert!(!visits(&[("accept", "text/htmlx")]));
        assert!(!visits(&[("accept", PAGE), ("sec-fetch-mode", "cors")]));
        assert!(!visits(&[("accept", PAGE), ("sec-fetch-mode", "no-cors")]));
        assert!(!visits(&[("accept", PAGE), ("x-requested-with", "XMLHttpRequest")]));
    }
}
