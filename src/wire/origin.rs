//! Whether a request that changes something comes from one of our own pages (RFC 6454; Fetch Metadata).
use http::HeaderName;
use http::header::{ORIGIN, REFERER};

use super::{Authority, Door, Inbound};

/// Whether the request comes from our own origin, from one that a route's `cors` names, or from something that is no browser.
pub(crate) fn is_welcome(inbound: &Inbound, door: &Door) -> bool {
    is_same_origin(inbound, door) || door.cors.names(inbound.headers())
}

/// Our origin is `public_url`; without one it is the request's own `Host`, as the public sees it.
fn is_same_origin(inbound: &Inbound, door: &Door) -> bool {
    let mut origins = inbound.headers().get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => fetch_site_is_ours(inbound) && referer_is(inbound, |origin| is_ours(origin, inbound, door)),
        (Some(origin), None) => is_ours(origin.as_bytes(), inbound, door),
        (Some(_), Some(_)) => false,
    }
}

/// Whether a page of another site made a browser send this, as far as browsers tell. Beside `public_url` the place that
/// the request is for is our own too: a gateway may serve several hosts, and no page can choose another's `Host`.
pub(crate) fn is_from_elsewhere(inbound: &Inbound, door: &Door) -> bool {
    let is_here = |origin: &[u8]| {
        is_ours(origin, inbound, door)
            || read(origin)
                .is_some_and(|(https, place)| inbound.authority().is_some_and(|own| own.is_same_place(&place, https)))
    };
    let mut origins = inbound.headers().get_all(ORIGIN).iter();
    let from_here = match (origins.next(), origins.next()) {
        (None, _) => referer_is(inbound, is_here),
        (Some(origin), None) => is_here(origin.as_bytes()),
        (Some(_), Some(_)) => false,
    };
    !(from_here && fetch_site_is_ours(inbound))
}

/// Whether the page that is named begins with an origin of which this holds, or none is named.
fn referer_is(inbound: &Inbound, holds: impl Fn(&[u8]) -> bool) -> bool {
    inbound.headers().get_all(REFERER).iter().all(|page| {
        let page = page.as_bytes();
        let host = page.windows(3).position(|three| three == b"://").map_or(0, |at| at + 3);
        let rest = page.get(host..).unwrap_or_default();
        let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
        holds(page.get(..host + end).unwrap_or_default())
    })
}

/// Browsers that leave `Origin` out still say where a request comes from; what says nothing is no browser.
fn fetch_site_is_ours(inbound: &Inbound) -> bool {
    let mut sites = inbound.headers().get_all(&FETCH_SITE).iter();
    sites.all(|site| matches!(site.as_bytes(), b"same-origin" | b"none"))
}

fn is_ours(origin: &[u8], inbound: &Inbound, door: &Door) -> bool {
    let Some((https, authority)) = read(origin) else { return false };
    match &door.public {
        Some(public) => public.https == https && public.authority.is_same_place(&authority, https),
        None => inbound.authority().is_some_and(|own| own.is_same_place(&authority, https)),
    }
}

fn read(origin: &[u8]) -> Option<(bool, Authority)> {
    let (https, authority) = match (origin.strip_prefix(b"https://"), origin.strip_prefix(b"http://")) {
        (Some(authority), _) => (true, authority),
        (None, Some(authority)) => (false, authority),
        // "null", and schemes of extensions and apps.
        (None, None) => return None,
    };
    Some((https, Authority::parse(authority)?))
}

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Method};

    use super::*;
    use crate::wire::{AuthPrefix, PublicUrl, Settings};

    fn same(public: Option<&str>, fields: &[(&'static str, &str)]) -> bool {
        let settings = Settings {
            trusted_proxies: Vec::new(),
            trusts_unix: false,
            own_identity_names: Vec::new(),
            public_url: public.map(|authority| PublicUrl { https: true, authority: authority.to_owned() }),
            auth_prefix: AuthPrefix("/auth".to_owned()),
            well_known: true,
            cors: Default::default(),
            allow_in_path: Default::default(),
            query_token: None,
            cookies: crate::wire::OwnCookies::default(),
        };
        let door = Door::new(&settings);
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("app.example.com"));
        for (name, value) in fields {
            headers.try_append(*name, HeaderValue::from_str(value).unwrap()).unwrap();
        }
        let inbound = Inbound::hypothetical(Method::POST, "/auth/login", headers, None, &door).unwrap();
        if is_same_origin(&inbound, &door) {
            assert!(!is_from_elsewhere(&inbound, &door), "what own endpoints take, routes take");
        }
        is_same_origin(&inbound, &door)
    }

    #[test]
    fn requests_of_programs_and_of_our_own_pages_pass() {
        assert!(same(None, &[]));
        assert!(same(None, &[("sec-fetch-site", "same-origin")]));
        assert!(same(None, &[("sec-fetch-site", "none")]));
        assert!(same(None, &[("origin", "http://app.example.com")]));
        assert!(same(None, &[("origin", "https://APP.example.com:443")]));
        assert!(same(Some("public.example.com"), &[("origin", "https://public.example.com")]));
    }

    #[test]
    fn requests_of_other_pages_do_not() {
        for origin in [
            "http://evil.example",
            "null",
            "",
            "http://app.example.com.evil.example",
            "http://app.example.com:81",
            "x://app.example.com",
        ] {
            assert!(!same(None, &[("origin", origin)]), "{origin}");
        }
        assert!(!same(None, &[("origin", "http://app.example.com"), ("origin", "http://evil.example")]));
        assert!(same(None, &[("referer", "http://app.example.com/x?y")]));
        for page in ["http://evil.example/http://app.example.com", "http://evil.example?", "about:blank", ""] {
            assert!(!same(None, &[("referer", page)]), "{page}");
        }
        assert!(!same(None, &[("sec-fetch-site", "cross-site")]));
        assert!(!same(None, &[("sec-fetch-site", "same-site")]));
        assert!(!same(Some("public.example.com"), &[("origin", "http://public.example.com")]));
        assert!(!same(Some("public.example.com"), &[("origin", "https://app.example.com")]));
    }
}
