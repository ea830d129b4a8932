//! Which pages of other sites may ask and read the answers (the CORS protocol of the Fetch standard).
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, CACHE_CONTROL, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};

use super::{Body, Inbound};

/// The origins of one route, or all that any route names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cors {
    named: Vec<NamedOrigin>,
    /// `"*"`: pages of any site, without credentials.
    anyone: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct NamedOrigin {
    /// As browsers write it: `https://spa.example.com`.
    text: String,
    credentials: bool,
}

impl Cors {
    pub(crate) fn new(origins: Vec<String>, credentials: bool) -> Self {
        let anyone = origins.iter().any(|origin| origin == "*");
        let named = origins.into_iter().filter(|origin| origin != "*");
        Self { named: named.map(|text| NamedOrigin { text, credentials }).collect(), anyone }
    }

    /// Every origin that is named somewhere: whoever lets everybody read a route does not let them sign in.
    pub(crate) fn all_named<'a>(routes: impl Iterator<Item = &'a Self>) -> Self {
        let mut all = Self::default();
        for origin in routes.flat_map(|cors| &cors.named) {
            match all.named.iter_mut().find(|known| known.text == origin.text) {
                Some(known) => known.credentials |= origin.credentials,
                None => all.named.push(origin.clone()),
            }
        }
        all
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.named.is_empty() && !self.anyone
    }

    /// Whether a request comes from one of the origins that are named.
    pub(super) fn names(&self, headers: &HeaderMap) -> bool {
        self.find(headers).is_some()
    }

    /// Whether a request comes from an origin that is named and may not use cookies.
    pub(super) fn bars_cookies(&self, headers: &HeaderMap) -> bool {
        !self.named.is_empty() && self.find(headers).is_some_and(|(named, _)| !named.credentials)
    }

    /// Whether a request comes from an origin that is named and may use cookies.
    pub(crate) fn lends_cookies(&self, headers: &HeaderMap) -> bool {
        self.find(headers).is_some_and(|(named, _)| named.credentials)
    }

    /// What the asking page may do with the answer.
    pub(crate) fn grant(&self, headers: &HeaderMap) -> Grant {
        let (origin, credentials) = match self.find(headers) {
            Some((named, origin)) => (Some(origin.clone()), named.credentials),
            None => (self.anyone.then(|| HeaderValue::from_static("*")), false),
        };
        Grant { origin, credentials, varies: !self.named.is_empty() }
    }

    fn find<'h>(&self, headers: &'h HeaderMap) -> Option<(&NamedOrigin, &'h HeaderValue)> {
        let mut origins = headers.get_all(ORIGIN).iter();
        let origin = origins.next().filter(|_| origins.next().is_none())?;
        self.named.iter().find(|named| named.text.as_bytes() == origin.as_bytes()).map(|named| (named, origin))
    }
}

/// What is said to a browser about one answer.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    origin: Option<HeaderValue>,
    credentials: bool,
    varies: bool,
}

impl Grant {
    pub(crate) const fn is_given(&self) -> bool {
        self.origin.is_some()
    }

    /// Says it, in place of whatever a backend said.
    pub(crate) fn say(self, headers: &mut HeaderMap) {
        let theirs: Vec<_> = headers.keys().filter(|name| is_about_cors(name)).cloned().collect();
        for name in theirs {
            headers.remove(name);
        }
        if self.varies {
            add_vary(headers, &ORIGIN);
        }
        let Some(origin) = self.origin else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed(headers));
        if self.credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }
}

fn is_about_cors(name: &HeaderName) -> bool {
    name.as_str().starts_with("access-control-")
}

/// A page that may read the answer may read its fields; `*` would not count with credentials.
fn exposed(headers: &HeaderMap) -> HeaderValue {
    let names: Vec<_> = headers.keys().map(HeaderName::as_str).filter(|name| *name != "set-cookie").collect();
    HeaderValue::try_from(names.join(", ")).unwrap_or(HeaderValue::from_static("*"))
}

#[expect(clippy::disallowed_methods, reason = "a backend's own Vary stays")]
fn add_vary(headers: &mut HeaderMap, name: &HeaderName) {
    headers.append(VARY, HeaderValue::from(name.clone()));
}

/// The method that a page asks about before it uses it; `None` for anything that is not such a question.
pub(crate) fn preflight_of(inbound: &Inbound) -> Option<Method> {
    let headers = inbound.headers();
    let asked = headers.get(ACCESS_CONTROL_REQUEST_METHOD).filter(|_| *inbound.method() == Method::OPTIONS)?;
    headers.contains_key(ORIGIN).then(|| Method::from_bytes(asked.as_bytes()).ok()).flatten()
}

/// The answer to such a question where it is yes: `methods` may be used, with every field that was asked about.
pub(crate) fn preflight(inbound: &Inbound, methods: &str, grant: Grant) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    grant.say(headers);
    for name in [ACCESS_CONTROL_REQUEST_METHOD, ACCESS_CONTROL_REQUEST_HEADERS] {
        add_vary(headers, &name);
    }
    if let Ok(methods) = HeaderValue::from_str(methods) {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    }
    if let Some(asked) = inbound.headers().get(ACCESS_CONTROL_REQUEST_HEADERS).filter(|asked| is_list(asked)) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
    response
}

/// Names of fields, and nothing else is given back.
fn is_list(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    let is_name = |name: &[u8]| HeaderName::from_bytes(name.trim_ascii()).is_ok();
    bytes.len() <= MOST_ASKED && bytes.split(|&byte| byte == b',').all(is_name)
}

/// In seconds. A file that is changed counts in all browsers after ten minutes.
const MAX_AGE: &str = "600";
const MOST_ASKED: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(origins: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for origin in origins {
            headers.try_append(ORIGIN, HeaderValue::from_static(origin)).unwrap();
        }
        headers
    }

    fn spa(credentials: bool) -> Cors {
        Cors::new(vec!["https://spa.example.com".to_owned()], credentials)
    }

    #[test]
    fn only_the_exact_origin_is_named() {
        assert!(spa(true).names(&asking(&["https://spa.example.com"])));
        for origin in [
            "http://spa.example.com",
            "https://spa.example.com:444",
            "https://spa.example.com.evil.example",
            "https://evil-spa.example.com",
            "https://SPA.example.com",
            "https://spa.example.com/",
            "null",
            "*",
            "",
        ] {
            assert!(!spa(true).names(&asking(&[origin])), "{origin}");
            assert!(!spa(true).lends_cookies(&asking(&[origin])), "{origin}");
        }
        assert!(!spa(true).names(&asking(&["https://spa.example.com", "https://evil.example"])));
        assert!(!spa(true).names(&asking(&[])));
        assert!(spa(true).lends_cookies(&asking(&["https://spa.example.com"])));
        assert!(!spa(false).lends_cookies(&asking(&["https://spa.example.com"])));
        assert!(spa(false).bars_cookies(&asking(&["https://spa.example.com"])));
        assert!(!spa(true).bars_cookies(&asking(&["https://spa.example.com"])));
        assert!(!spa(false).bars_cookies(&asking(&["https://evil.example"])), "those are refused where it matters");
    }

    #[test]
    fn what_a_backend_says_is_replaced_and_its_vary_stays() {
        let backend = || {
            let mut headers = HeaderMap::new();
            headers.insert("access-control-allow-origin", HeaderValue::from_static("*"));
            headers.insert("access-control-allow-private-network", HeaderValue::from_static("true"));
            headers.insert("vary", HeaderValue::from_static("accept"));
            headers.insert("etag", HeaderValue::from_static("\"1\""));
            headers
        };
        let mut said = backend();
        spa(true).grant(&asking(&["https://spa.example.com"])).say(&mut said);
        assert_eq!(said["access-control-allow-origin"], "https://spa.example.com");
        assert_eq!(said["access-control-allow-credentials"], "true");
        assert!(said["access-control-expose-headers"].to_str().unwrap().contains("etag"));
        assert!(!said.contains_key("access-control-allow-private-network"));
        assert_eq!(said.get_all("vary").iter().collect::<Vec<_>>(), ["accept", "origin"]);
        let mut unsaid = backend();
        spa(true).grant(&asking(&["https://evil.example"])).say(&mut unsaid);
        assert!(!unsaid.keys().any(is_about_cors) && unsaid.contains_key("etag"));
    }

    #[test]
    fn everybody_may_read_without_credentials_and_is_named_nowhere() {
        let open = Cors::new(vec!["*".to_owned()], false);
        let mut headers = HeaderMap::new();
        open.grant(&asking(&["https://any.example"])).say(&mut headers);
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert!(!headers.contains_key("access-control-allow-credentials") && !headers.contains_key("vary"));
        assert!(Cors::all_named([&open].into_iter()).is_empty());
        let all = Cors::all_named([&spa(false), &spa(true), &open].into_iter());
        assert_eq!(all, spa(true));
    }

    #[test]
    fn only_names_are_given_back() {
        for (list, passes) in [("content-type, x-a", true), ("", false), ("a b", false), ("a,,b", false), ("é", false)]
        {
            assert_eq!(is_list(&HeaderValue::from_bytes(list.as_bytes()).unwrap()), passes, "{list}");
        }
    }
}
