//! What caches may do with a backend's answer on a route that asks who somebody is (RFC 9111): never give one person's
//! to another. A backend behind a gateway cannot know that its answer depends on a credential.
use http::header::{CACHE_CONTROL, VARY};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

/// `known`: the answer is somebody's.
pub(super) fn keep_apart(
    headers: &mut HeaderMap,
    known: bool,
    method: &Method,
    status: StatusCode,
    varies: Option<&Varies>,
) {
    let said = Said::by(headers);
    if known && said.shared {
        make_private(headers);
    }
    if known && said.aside {
        let names: Vec<_> = headers.keys().filter(|name| speaks_aside(name.as_str())).cloned().collect();
        for name in names {
            headers.remove(name);
        }
    }
    let kept = !said.no_store && matches!(*method, Method::GET | Method::HEAD) && !status.is_informational();
    if let Some(varies) = varies.filter(|varies| kept && !said.varies_by(varies)) {
        varies.add_to(headers);
    }
}

/// The fields in which a credential may stand.
#[derive(Debug)]
pub(crate) struct Varies {
    value: HeaderValue,
    authorization: bool,
    cookie: bool,
}

impl Varies {
    /// `names` as `Vary` has them.
    pub(crate) fn by(names: &'static str) -> Self {
        let value = HeaderValue::from_static(names);
        Self { value, authorization: names.contains("authorization"), cookie: names.contains("cookie") }
    }

    #[expect(clippy::disallowed_methods, reason = "a backend's own Vary stays")]
    fn add_to(&self, headers: &mut HeaderMap) {
        headers.append(VARY, self.value.clone());
    }
}

/// A backend's words to caches.
#[derive(Debug, Default)]
struct Said {
    no_store: bool,
    /// Caches that many people share may keep it.
    shared: bool,
    /// Something is said to such caches alone.
    aside: bool,
    authorization: bool,
    cookie: bool,
}

impl Said {
    fn by(headers: &HeaderMap) -> Self {
        let mut said = Self::default();
        for (name, value) in headers {
            match name.as_str() {
                "cache-control" => said.note_cache_control(value),
                "vary" => said.note_vary(value),
                other => said.aside |= speaks_aside(other),
            }
        }
        said
    }

    fn note_cache_control(&mut self, value: &HeaderValue) {
        for directive in directives(value.as_bytes()) {
            self.no_store |= is(directive, b"no-store");
            self.shared |= is_for_shared(directive);
        }
    }

    fn note_vary(&mut self, value: &HeaderValue) {
        for name in directives(value.as_bytes()) {
            let any = name == b"*";
            self.authorization |= any || is(name, b"authorization");
            self.cookie |= any || is(name, b"cookie");
        }
    }

    const fn varies_by(&self, varies: &Varies) -> bool {
        (self.authorization || !varies.authorization) && (self.cookie || !varies.cookie)
    }
}

/// `private`, and everything that was said but what is for shared caches.
fn make_private(headers: &mut HeaderMap) {
    let mut private = b"private".to_vec();
    for value in headers.get_all(CACHE_CONTROL) {
        for directive in directives(value.as_bytes()) {
            if !is_for_shared(directive) && !is(directive, b"private") {
                private.extend_from_slice(b", ");
                private.extend_from_slice(directive);
            }
        }
    }
    let private = HeaderValue::try_from(private).unwrap_or(HeaderValue::from_static("private"));
    headers.insert(CACHE_CONTROL, private);
}

/// The members of a list. A comma within quotes ends one too: there are caches that read so.
fn directives(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}

/// Whether this is the directive of that name, with an argument or without.
fn is(directive: &[u8], name: &[u8]) -> bool {
    let own = directive.split(|&byte| byte == b'=').next().unwrap_or_default();
    own.trim_ascii_end().eq_ignore_ascii_case(name)
}

fn is_for_shared(directive: &[u8]) -> bool {
    is(directive, b"public") || is(directive, b"s-maxage")
}

/// Fields that content delivery networks and proxies obey before `Cache-Control` (RFC 9213 and older ones).
fn speaks_aside(name: &str) -> bool {
    name.ends_with("cdn-cache-control") || matches!(name, "surrogate-control" | "edge-control" | "x-accel-expires")
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn after(said: &[(&'static str, &'static str)], known: bool, method: &Method) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in said {
            headers.try_append(HeaderName::from_static(name), HeaderValue::from_static(value)).unwrap();
        }
        keep_apart(&mut headers, known, method, StatusCode::OK, Some(&Varies::by("authorization, cookie")));
        let mut lines: Vec<_> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        lines.sort();
        lines
    }

    #[test]
    fn what_is_somebodys_is_kept_by_that_persons_browser_at_most() {
        const VARY: &str = "vary: authorization, cookie";
        for (said, left) in [
            ("public", "private"),
            ("Public, max-age=60", "private, max-age=60"),
            ("max-age=60,s-maxage=600 , immutable", "private, max-age=60, immutable"),
            ("private, public, no-cache=\"a, b\"", "private, no-cache=\"a, b\""),
            ("x=\"a, public, b\"", "private, x=\"a, b\""),
            ("s-maxage = 5", "private"),
            ("max-age=60", "max-age=60"),
            ("private, max-age=60", "private, max-age=60"),
            ("x=\"public\", publicly", "x=\"public\", publicly"),
        ] {
            assert_eq!(
                after(&[("cache-control", said)], true, &Method::GET),
                [&format!("cache-control: {left}"), VARY]
            );
        }
        assert_eq!(after(&[], true, &Method::GET), [VARY]);
        assert_eq!(after(&[("cache-control", "no-store")], true, &Method::GET), ["cache-control: no-store"]);
        assert_eq!(
            after(&[("cache-control", "max-age=60"), ("cache-control", "public")], true, &Method::POST),
            ["cache-control: private, max-age=60"]
        );
        let aside = [("surrogate-control", "max-age=9"), ("fast-cdn-cache-control", "max-age=9"), ("x-cdn", "a")];
        assert_eq!(after(&aside, true, &Method::POST), ["x-cdn: a"]);
    }

    #[test]
    fn what_is_nobodys_may_be_shared_among_those_who_show_nothing() {
        assert_eq!(
            after(&[("cache-control", "public"), ("surrogate-control", "a")], false, &Method::GET),
            ["cache-control: public", "surrogate-control: a", "vary: authorization, cookie"]
        );
    }

    #[test]
    fn a_backends_own_vary_stays_and_is_not_said_twice() {
        for said in ["*", "Cookie, Accept, Authorization"] {
            assert_eq!(after(&[("vary", said)], true, &Method::HEAD), [format!("vary: {said}")]);
        }
        assert_eq!(after(&[("vary", "cookie")], true, &Method::GET), ["vary: authorization, cookie", "vary: cookie"]);
    }
}
