//! A refusal as bytes: problem+json (RFC 9457), or `{error, error_description}` on the OAuth endpoints.
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, RETRY_AFTER,
    VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde_json::{Map, Value, json};

use super::{Challenge, Extra, Refusal, dialect};
use crate::pages::Html;
use crate::token::Format;
use crate::wire::Body;

/// Draws refusals; knows where the page of codes is.
#[derive(Debug, Clone)]
pub(crate) struct Renderer {
    /// "/auth/errors"
    errors_page: String,
    format: Format,
}

/// What an OAuth endpoint answers (RFC 6749, section 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TokenProblem {
    pub(crate) status: StatusCode,
    pub(crate) error: &'static str,
    pub(crate) description: &'static str,
    pub(crate) retry_after: Option<Duration>,
}

/// A refusal as an OAuth endpoint words it.
pub(crate) fn in_oauth(refusal: &Refusal) -> Response<Body> {
    let status = oauth_status(refusal);
    let error = match refusal.code.name {
        "login_required" => "invalid_client",
        "missing_scope" => "insufficient_scope",
        // RFC 6749 knows no word for it.
        name if status == StatusCode::TOO_MANY_REQUESTS => name,
        _ => match status {
            StatusCode::UNAUTHORIZED => "invalid_token",
            StatusCode::INTERNAL_SERVER_ERROR => "server_error",
            StatusCode::SERVICE_UNAVAILABLE => "temporarily_unavailable",
            _ => "invalid_request",
        },
    };
    let body = json!({ "error": error, "error_description": described(refusal.code.title) });
    let mut response = own_response(status, "application/json", body.to_string());
    dress(response.headers_mut(), refusal);
    response
}

/// Who may not ask there is to show something else (RFC 7662, section 2.3).
fn oauth_status(refusal: &Refusal) -> StatusCode {
    if refusal.code.name == "missing_scope" { StatusCode::UNAUTHORIZED } else { refusal.status() }
}

/// Of the signs that RFC 6749, section 5.2, takes: visible ASCII without quotation marks and backslashes.
fn described(title: &str) -> String {
    title.chars().filter(|letter| matches!(letter, ' '..='~') && !matches!(letter, '"' | '\\')).collect()
}

impl TokenProblem {
    pub(crate) const fn new(error: &'static str, description: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error, description, retry_after: None }
    }

    pub(crate) fn render(self) -> Response<Body> {
        let body = json!({ "error": self.error, "error_description": self.description });
        let mut response = own_response(self.status, "application/json", body.to_string());
        if let Some(wait) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds(wait));
        }
        response
    }
}

impl Renderer {
    pub(crate) fn new(auth_prefix: &str) -> Self {
        Self { errors_page: format!("{auth_prefix}/errors"), format: Format::Native }
    }

    /// In the words of another stack.
    pub(crate) fn in_format(self, format: Format) -> Self {
        Self { format, ..self }
    }

    pub(crate) fn render(&self, refusal: &Refusal, request_id: &str) -> Response<Body> {
        let detail = if let Extra::Detail(detail) = refusal.extra { Some(detail) } else { None };
        let mut response = match dialect::body(self.format, refusal.code, detail) {
            None => {
                let body = self.body(refusal, request_id).to_string();
                own_response(refusal.status(), "application/problem+json", body)
            }
            Some((status, mut body)) => {
                // Without it nobody could go on, whatever the stack.
                if let (Extra::Challenge(challenge), Value::Object(members)) = (&refusal.extra, &mut body) {
                    add_challenge(members, challenge);
                }
                own_response(status, "application/json", body.to_string())
            }
        };
        dress(response.headers_mut(), refusal);
        response
    }

    fn body(&self, refusal: &Refusal, request_id: &str) -> Value {
        let code = refusal.code;
        let mut body = Map::new();
        body.insert("type".to_owned(), format!("{}#{}", self.errors_page, code.name).into());
        body.insert("title".to_owned(), code.title.into());
        body.insert("status".to_owned(), refusal.status().as_u16().into());
        body.insert("error".to_owned(), code.name.into());
        let detail = if let Extra::Detail(detail) = &refusal.extra { detail } else { code.cure };
        body.insert("detail".to_owned(), (*detail).into());
        if let Extra::Fields(problems) = &refusal.extra {
            let rows = problems.iter().map(|problem| {
                json!({ "pointer": format!("#/{}", problem.field), "error": problem.code, "detail": problem.detail })
            });
            body.insert("errors".to_owned(), rows.collect());
        }
        if let Extra::Challenge(challenge) = &refusal.extra {
            add_challenge(&mut body, challenge);
        }
        body.insert("request_id".to_owned(), request_id.into());
        Value::Object(body)
    }
}

fn add_challenge(body: &mut Map<String, Value>, challenge: &Challenge) {
    body.insert("challenge".to_owned(), challenge.token.expose().into());
    body.insert("methods".to_owned(), challenge.methods.clone().into());
}

/// What a refusal says beside its body.
fn dress(headers: &mut HeaderMap, refusal: &Refusal) {
    if let Some(challenge) = challenge(refusal) {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    match &refusal.extra {
        Extra::RetryAfter(wait) => drop(headers.insert(RETRY_AFTER, seconds(*wait))),
        Extra::Allow(allow) => set(headers, ALLOW, allow),
        Extra::Nothing
        | Extra::Scopes(_)
        | Extra::MaxAge(_)
        | Extra::Fields(_)
        | Extra::Detail(_)
        | Extra::Challenge(_) => {}
    }
    if let Some(place) = &refusal.place {
        set(headers, LOCATION, place);
    }
    if refusal.close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

/// A page for a person in place of [`Renderer::render`].
pub(crate) fn refusal_page(refusal: &Refusal, html: Html) -> Response<Body> {
    let mut response = own_page(refusal.status(), html);
    dress(response.headers_mut(), refusal);
    response
}

/// Every page of our own: beside what holds for all answers, it runs nothing that is not ours, stands in nobody's frame,
/// and tells no other site where it was. (With `no-referrer` browsers would send our forms with `Origin: null`.)
pub(crate) fn own_page(status: StatusCode, html: Html) -> Response<Body> {
    let mut response = own_response(status, "text/html; charset=utf-8", html.into_text());
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Language, Authorization, Cookie"));
    response
}

const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Every answer of our own: inert and not kept (RFC 9111, section 5.2.2.5).
pub(crate) fn own_response(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::full(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(VARY, HeaderValue::from_static("Authorization, Cookie"));
    response
}

/// Every 401 says how to sign in (RFC 9110, section 11.6.1); the details are RFC 6750, section 3.
fn challenge(refusal: &Refusal) -> Option<HeaderValue> {
    let text = match (refusal.code.name, &refusal.extra) {
        ("token_expired", _) => {
            r#"Bearer realm="authgate", error="invalid_token", error_description="the access token expired""#.to_owned()
        }
        ("token_invalid", _) => {
            r#"Bearer realm="authgate", error="invalid_token", error_description="the access token is not valid""#
                .to_owned()
        }
        ("session_ended", _) => {
            r#"Bearer realm="authgate", error="invalid_token", error_description="the session has ended""#.to_owned()
        }
        ("missing_role", _) => r#"Bearer realm="authgate", error="insufficient_scope""#.to_owned(),
        ("missing_scope", Extra::Scopes(scopes)) => {
            let scopes = scopes.iter().map(crate::base::Scope::as_str).collect::<Vec<_>>().join(" ");
            format!(r#"Bearer realm="authgate", error="insufficient_scope", scope="{scopes}""#)
        }
        ("login_without_mfa", _) => {
            let error = r#"error="insufficient_user_authentication", error_description="show a second factor""#;
            format!(r#"Bearer realm="authgate", {error}, acr_values="mfa""#)
        }
        // RFC 9470, section 3.
        ("login_too_old", Extra::MaxAge(most)) => {
            let error = r#"error="insufficient_user_authentication", error_description="sign in again""#;
            format!(r#"Bearer realm="authgate", {error}, max_age="{}""#, most.as_secs())
        }
        _ if refusal.code.status == StatusCode::UNAUTHORIZED => r#"Bearer realm="authgate""#.to_owned(),
        _ => return None,
    };
    HeaderValue::try_from(text).ok()
}

/// Whole seconds, rounded up, at least one (RFC 9110, section 10.2.3).
fn seconds(wait: Duration) -> HeaderValue {
    HeaderValue::from(wait.as_millis().div_ceil(1000).clamp(1, 86_400) as u32)
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
