//! The cookies that are ours: taken off every request, and set by nobody else.
use std::time::Duration;

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::Shown;
use crate::base::Secret;

/// Their names, and the attributes they are set with.
#[derive(Debug, Clone)]
pub(crate) struct OwnCookies {
    session: String,
    form: String,
    attributes: String,
    /// Tokens stand in the cookies of Flask-JWT-Extended.
    tokens: bool,
}

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnCookie {
    /// A browser session.
    Session,
    /// Known before anybody is signed in: what the hidden field of our forms is derived from.
    Form,
    /// An access token, where Flask-JWT-Extended keeps it.
    Access,
    /// The same for a refresh token.
    Refresh,
}

/// When a browser sends them along with requests that other sites caused (RFC 6265bis, section 5.6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SameSite {
    Lax,
    Strict,
    None,
}

/// What a request showed of them.
#[derive(Debug, Default)]
pub(crate) struct TakenCookies {
    pub(super) session: Shown,
    pub(super) form: Shown,
    pub(super) access: Shown,
    pub(super) refresh: Shown,
}

impl Default for OwnCookies {
    fn default() -> Self {
        Self::new("authgate", false, SameSite::Lax, None)
    }
}

impl OwnCookies {
    /// On HTTPS the name says what a browser then holds it to: no other host can set it (`__Host-`), and with a domain at
    /// least nobody without TLS (`__Secure-`).
    pub(crate) fn new(name: &str, https: bool, same_site: SameSite, domain: Option<&str>) -> Self {
        let prefix = match (https, domain) {
            (true, None) => "__Host-",
            (true, Some(_)) => "__Secure-",
            (false, _) => "",
        };
        let same_site = match same_site {
            SameSite::Lax => "Lax",
            SameSite::Strict => "Strict",
            SameSite::None => "None",
        };
        let secure = if https { "; Secure" } else { "" };
        let domain = domain.map(|domain| format!("; Domain={domain}")).unwrap_or_default();
        Self {
            session: format!("{prefix}{name}"),
            form: format!("{prefix}{name}-form"),
            attributes: format!("; Path=/; HttpOnly; SameSite={same_site}{secure}{domain}"),
            tokens: false,
        }
    }

    /// The same, and tokens in the cookies of Flask-JWT-Extended: a backend may set and read those too.
    pub(crate) fn and_tokens(self, tokens: bool) -> Self {
        Self { tokens, ..self }
    }

    /// Whether tokens stand in cookies.
    pub(crate) const fn have_tokens(&self) -> bool {
        self.tokens
    }

    /// Sets the cookie beside one with a token, which pages read and send back as a field.
    pub(crate) fn set_beside(&self, which: OwnCookie, value: &str, age: Duration) -> Option<HeaderValue> {
        let name = if which == OwnCookie::Refresh { REFRESH_CSRF } else { ACCESS_CSRF };
        let attributes = self.attributes.replace("; HttpOnly", "");
        HeaderValue::try_from(format!("{name}={value}{attributes}; Max-Age={}", age.as_secs())).ok()
    }

    /// Sets one. Without an age it ends with the browser.
    pub(crate) fn set(&self, which: OwnCookie, value: &str, age: Option<Duration>) -> Option<HeaderValue> {
        let age = age.map(|age| format!("; Max-Age={}", age.as_secs())).unwrap_or_default();
        let mut line = HeaderValue::try_from(format!("{}={value}{}{age}", self.name(which), self.attributes)).ok()?;
        line.set_sensitive(true);
        Some(line)
    }

    /// Takes one back from the browser, with the attributes it was set with.
    pub(crate) fn clear(&self, which: OwnCookie) -> Option<HeaderValue> {
        self.set(which, "", Some(Duration::ZERO))
    }

    /// Takes ours off a request; other cookies stay byte for byte.
    pub(super) fn take(&self, headers: &mut HeaderMap) -> TakenCookies {
        let mut taken = TakenCookies::default();
        if !headers.get_all(COOKIE).iter().any(|line| pieces(line).any(|piece| self.which(piece).is_some())) {
            return taken;
        }
        let lines: Vec<_> = headers.get_all(COOKIE).iter().filter_map(|line| self.left_of(line, &mut taken)).collect();
        replace(headers, &COOKIE, lines);
        taken
    }

    /// Takes off what an upstream would set in our name; whether there was any.
    pub(crate) fn guard(&self, headers: &mut HeaderMap) -> bool {
        let is_ours = |line: &HeaderValue| self.is_named_by(line.as_bytes());
        if !headers.get_all(SET_COOKIE).iter().any(is_ours) {
            return false;
        }
        let lines = headers.get_all(SET_COOKIE).iter().filter(|line| !is_ours(line)).cloned().collect();
        replace(headers, &SET_COOKIE, lines);
        true
    }

    pub(crate) fn name(&self, which: OwnCookie) -> &str {
        match which {
            OwnCookie::Session => &self.session,
            OwnCookie::Form => &self.form,
            OwnCookie::Access => ACCESS,
            OwnCookie::Refresh => REFRESH,
        }
    }

    /// The line without ours; `None` when nothing is left.
    fn left_of(&self, line: &HeaderValue, taken: &mut TakenCookies) -> Option<HeaderValue> {
        let mut left = Vec::new();
        for piece in pieces(line) {
            let Some((which, value)) = self.which(piece) else {
                left.push(piece);
                continue;
            };
            let shown = match which {
                OwnCookie::Session => &mut taken.session,
                OwnCookie::Form => &mut taken.form,
                OwnCookie::Access => &mut taken.access,
                OwnCookie::Refresh => &mut taken.refresh,
            };
            // What is no text is no value of ours; it is shown all the same.
            shown.add(std::str::from_utf8(value).unwrap_or_default());
        }
        let line = left.join(&b';');
        let line = line.trim_ascii_start();
        if line.is_empty() { None } else { HeaderValue::from_bytes(line).ok() }
    }

    /// Which of ours a pair is. Names are compared as they stand: `authgate ` and `AUTHGATE` are other cookies.
    fn which<'p>(&self, piece: &'p [u8]) -> Option<(OwnCookie, &'p [u8])> {
        let piece = piece.trim_ascii();
        let at = piece.iter().position(|&byte| byte == b'=')?;
        let (name, value) = piece.split_at(at);
        let value = value.get(1..).unwrap_or_default();
        if name == self.session.as_bytes() {
            return Some((OwnCookie::Session, value));
        }
        let which = match name {
            name if name == self.form.as_bytes() => OwnCookie::Form,
            name if self.tokens && name == ACCESS.as_bytes() => OwnCookie::Access,
            name if self.tokens && name == REFRESH.as_bytes() => OwnCookie::Refresh,
            _ => return None,
        };
        Some((which, value))
    }

    /// Whether a browser could send back what this line sets under one of our names. A cookie without a name is sent as
    /// its bare value, which may look like a pair.
    fn is_named_by(&self, line: &[u8]) -> bool {
        let pair = line.split(|&byte| byte == b';').next().unwrap_or_default();
        let start = pair.iter().position(|byte| !byte.is_ascii_whitespace() && *byte != b'=').unwrap_or(pair.len());
        let pair = pair.get(start..).unwrap_or_default();
        let name = pair.split(|&byte| byte == b'=').next().unwrap_or_default().trim_ascii();
        [&self.session, &self.form].iter().any(|own| name.eq_ignore_ascii_case(own.as_bytes()))
    }
}

/// An access token as the cookie that its backend reads.
pub(crate) fn token_cookie(token: &Secret) -> Option<HeaderValue> {
    let mut line = HeaderValue::try_from(format!("{ACCESS}={}", token.expose())).ok()?;
    line.set_sensitive(true);
    Some(line)
}

const ACCESS: &str = "access_token_cookie";
const REFRESH: &str = "refresh_token_cookie";
const ACCESS_CSRF: &str = "csrf_access_token";
const REFRESH_CSRF: &str = "csrf_refresh_token";

fn pieces(line: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    line.as_bytes().split(|&byte| byte == b';')
}

#[expect(clippy::disallowed_methods, reason = "these two fields may have several lines, and are no identity fields")]
fn replace(headers: &mut HeaderMap, name: &HeaderName, lines: Vec<HeaderValue>) {
    headers.remove(name);
    for line in lines {
        headers.append(name.clone(), line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> OwnCookies {
        OwnCookies::new("authgate", true, SameSite::Lax, None)
    }

    fn take(lines: &[&str]) -> (Vec<String>, String) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.try_append(COOKIE, HeaderValue::from_str(line).unwrap()).unwrap();
        }
        let taken = own().take(&mut headers);
        let left = headers.get_all(COOKIE).iter().map(|line| line.to_str().unwrap().to_owned()).collect();
        let shown = match taken.session {
            Shown::Nothing => "nothing".to_owned(),
            Shown::One(text) => text.expose().to_owned(),
            Shown::Several => "several".to_owned(),
        };
        (left, shown)
    }

    #[test]
    fn ours_is_taken_and_the_others_stay_byte_for_byte() {
        for (lines, left, shown) in [
            (&["__Host-authgate=x"][..], &[][..], "x"),
            (&["a=1; __Host-authgate=x; b=\"2\""], &["a=1; b=\"2\""], "x"),
            (&["__Host-authgate=x;b=2"], &["b=2"], "x"),
            (&["a=1 ;  c;__Host-authgate=x==;;"], &["a=1 ;  c;;"], "x=="),
            (&["a=1", "__Host-authgate=x", "b=2; "], &["a=1", "b=2; "], "x"),
            (&["__Host-authgate="], &[], ""),
        ] {
            let expected = (left.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>(), shown.to_owned());
            assert_eq!(take(lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn two_of_ours_are_several_wherever_they_stand() {
        assert_eq!(take(&["__Host-authgate=x; __Host-authgate=y"]), (vec![], "several".to_owned()));
        assert_eq!(take(&["__Host-authgate=x", "__Host-authgate=x"]), (vec![], "several".to_owned()));
    }

    #[test]
    fn a_name_that_is_only_like_ours_is_another_cookie() {
        for line in [
            "__host-authgate=x",
            "authgate=x",
            "__Host-authgate =x",
            "__Host-authgate%20=x",
            "__Host-authgate",
            "a=__Host-authgate=x",
            "=__Host-authgate=x",
        ] {
            assert_eq!(take(&[line]), (vec![line.to_owned()], "nothing".to_owned()), "{line}");
        }
    }

    #[test]
    fn no_upstream_sets_a_cookie_of_our_name() {
        let mut headers = HeaderMap::new();
        for line in [
            "__Host-authgate=evil; Path=/",
            " __host-AUTHGATE = evil",
            "=__Host-authgate=evil",
            "__Host-authgate-form=evil",
            "a=__Host-authgate=fine",
            "authgate=fine",
        ] {
            headers.try_append(SET_COOKIE, HeaderValue::from_str(line).unwrap()).unwrap();
        }
        assert!(own().guard(&mut headers));
        let left: Vec<_> = headers.get_all(SET_COOKIE).iter().collect();
        assert_eq!(left, ["a=__Host-authgate=fine", "authgate=fine"]);
        assert!(!own().guard(&mut headers));
    }

    #[test]
    fn a_cookie_has_the_attributes_of_its_site() {
        let text = |own: &OwnCookies| own.set(OwnCookie::Session, "x", Some(Duration::from_secs(60))).unwrap();
        assert_eq!(text(&own()), "__Host-authgate=x; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60");
        let shared = OwnCookies::new("sid", true, SameSite::Strict, Some("example.com"));
        let expected = "__Secure-sid=x; Path=/; HttpOnly; SameSite=Strict; Secure; Domain=example.com; Max-Age=60";
        assert_eq!(text(&shared), expected);
        assert_eq!(
            OwnCookies::default().clear(OwnCookie::Form).unwrap(),
            "authgate-form=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"
        );
    }
}
