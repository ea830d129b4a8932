//! What browsers are given and give back: the session cookie, the token of our forms, and redirects.
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{CONTENT_TYPE, LOCATION, SET_COOKIE};
use http::{HeaderValue, Response, StatusCode};

use super::Endpoints;
use super::form::Pairs;
use crate::account::SignedIn;
use crate::base::Secret;
use crate::refusal::{Refusal, own_response};
use crate::wire::{Body, Inbound, OwnCookie, ReturnTo, Shown};

/// The hidden field of a form, and the cookie it belongs to where the browser has none yet.
#[derive(Debug)]
pub(super) struct FormToken {
    pub(super) value: String,
    cookie: Option<HeaderValue>,
}

/// Why a form is not taken. Nothing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotOurs {
    /// It was made with another cookie than the browser has now, or by somebody else.
    Old,
    /// The browser sent none of our cookies along.
    NoCookie,
}

impl From<NotOurs> for Refusal {
    fn from(_: NotOurs) -> Self {
        Self::named("bad_form")
    }
}

impl FormToken {
    /// Gives the browser what the form will be checked with.
    pub(super) fn give(self, response: &mut Response<Body>) {
        add_cookie(response, self.cookie);
    }
}

impl Endpoints {
    /// The session that somebody just began, as the browser keeps it.
    pub(super) fn give_session(&self, response: &mut Response<Body>, signed_in: &SignedIn) {
        let Some(cookie) = &signed_in.cookie else { return };
        // Both together would leave it to chance who somebody is.
        self.take_tokens(response);
        let age = Some(self.accounts.cookie_age());
        add_cookie(response, self.door.cookies().set(OwnCookie::Session, cookie.expose(), age));
    }

    /// Takes the session's cookie back, if one was shown.
    pub(super) fn take_session(&self, response: &mut Response<Body>, inbound: &Inbound) {
        if !matches!(inbound.own_cookie(OwnCookie::Session), Shown::Nothing) {
            add_cookie(response, self.door.cookies().clear(OwnCookie::Session));
        }
    }

    /// The field `csrf` of a form on a page that answers this request. It follows from a cookie that the browser has or is
    /// given, so every tab's form stays good, and a page elsewhere cannot know it.
    pub(super) fn form_token(&self, inbound: &Inbound) -> FormToken {
        for which in [OwnCookie::Form, OwnCookie::Session] {
            if let Shown::One(cookie) = inbound.own_cookie(which)
                && cookie.expose().len() == COOKIE_LENGTH
            {
                return FormToken { value: derived(cookie), cookie: None };
            }
        }
        let cookie = Secret::random("");
        let value = derived(&cookie);
        FormToken { value, cookie: self.door.cookies().set(OwnCookie::Form, cookie.expose(), None) }
    }

    /// Whether a form came from one of our own pages. `login_required` and its like are asked elsewhere.
    pub(super) fn check_form(&self, inbound: &Inbound, form: &mut Pairs) -> Result<(), NotOurs> {
        let shown = form.take("csrf");
        let fits = |which| match (inbound.own_cookie(which), &shown) {
            (Shown::One(cookie), Some(shown)) => {
                cookie.expose().len() == COOKIE_LENGTH && shown.matches(&derived(cookie))
            }
            (Shown::Nothing | Shown::One(_) | Shown::Several, _) => false,
        };
        if fits(OwnCookie::Form) || fits(OwnCookie::Session) {
            return Ok(());
        }
        // Whoever has a cookie gets a form that goes with it.
        let has =
            |which| matches!(inbound.own_cookie(which), Shown::One(cookie) if cookie.expose().len() == COOKIE_LENGTH);
        Err(if has(OwnCookie::Form) || has(OwnCookie::Session) { NotOurs::Old } else { NotOurs::NoCookie })
    }

    /// A page to go to that somebody named: one of this site, and not the one they come from.
    pub(super) fn return_to(&self, text: Option<&Secret>) -> Option<ReturnTo> {
        let place = ReturnTo::parse(text?.expose())?;
        (place.path().strip_prefix(self.prefix.as_str()) != Some("/login")).then_some(place)
    }
}

/// 303: the browser fetches that page next. Without a place to go to, it is the site's first one.
pub(super) fn see_other(place: Option<&ReturnTo>) -> Response<Body> {
    redirect(place.map_or("/", ReturnTo::as_str))
}

/// 303 to a path of this site.
pub(crate) fn redirect(place: &str) -> Response<Body> {
    let mut response = own_response(StatusCode::SEE_OTHER, "text/plain", "");
    response.headers_mut().remove(CONTENT_TYPE);
    *response.body_mut() = Body::Empty;
    if let Ok(place) = HeaderValue::from_str(place) {
        response.headers_mut().insert(LOCATION, place);
    }
    response
}

#[expect(clippy::disallowed_methods, reason = "each cookie is set by a line of its own")]
pub(super) fn add_cookie(response: &mut Response<Body>, cookie: Option<HeaderValue>) {
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

fn derived(cookie: &Secret) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, cookie.expose().as_bytes());
    URL_SAFE_NO_PAD.encode(hmac::sign(&key, b"a form of authgate").as_ref())
}

/// 256 bits in base 64.
const COOKIE_LENGTH: usize = 43;
