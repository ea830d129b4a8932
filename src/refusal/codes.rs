//! The table of refusals: read by looking up. `docs/STATUS-CODES.md` says what client and operator each do.
use http::StatusCode;

/// One stable code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Code {
    pub(crate) name: &'static str,
    pub(crate) status: StatusCode,
    pub(crate) title: &'static str,
    /// What the client does about it.
    pub(crate) cure: &'static str,
    pub(crate) closes: bool,
}

impl Code {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        CODES.iter().find(|code| code.name == name)
    }

    pub(super) const fn internal() -> &'static Self {
        &INTERNAL
    }
}

const fn code(name: &'static str, status: StatusCode, title: &'static str, cure: &'static str) -> Code {
    Code { name, status, title, cure, closes: false }
}

const fn closing(name: &'static str, status: StatusCode, title: &'static str, cure: &'static str) -> Code {
    Code { name, status, title, cure, closes: true }
}

use StatusCode as S;

const INTERNAL: Code = closing(
    "internal",
    S::INTERNAL_SERVER_ERROR,
    "The gateway made a mistake",
    "Try again; tell the operator the request id if it stays.",
);

/// The words of RFC 6749, section 5.2, that stand in place of ours at the endpoints of OAuth.
#[rustfmt::skip]
pub(crate) static OAUTH: &[Code] = &[
    code("invalid_request", S::BAD_REQUEST, "A parameter of the request is missing or stands there twice", "Send each parameter once, as a form."),
    code("invalid_grant", S::BAD_REQUEST, "The password or the refresh token is not good", "Sign in again."),
    code("unsupported_grant_type", S::BAD_REQUEST, "grant_type is neither refresh_token nor, where [tokens] password_grant is on, password", "Send one of the two."),
    code("invalid_scope", S::BAD_REQUEST, "The account does not have the scope that was asked for", "Ask for less, or leave scope out."),
    code("invalid_client", S::UNAUTHORIZED, "Nobody says who asks about the token", "Show a service token with the scope introspect."),
    code("insufficient_scope", S::UNAUTHORIZED, "Who asks may not ask about tokens", "Show a service token with the scope introspect."),
    code("server_error", S::INTERNAL_SERVER_ERROR, "The gateway made a mistake", "Try again; tell the operator the request id if it stays."),
    code("temporarily_unavailable", S::SERVICE_UNAVAILABLE, "Too much is going on, or the store is away", "Come again when Retry-After says."),
];

/// Every refusal, in the order of their statuses.
#[rustfmt::skip]
pub(crate) static CODES: &[Code] = &[
    closing("bad_request", S::BAD_REQUEST, "The request is malformed", "Send a well-formed HTTP request."),
    closing("bad_host", S::BAD_REQUEST, "The Host is missing or malformed", "Send exactly one well-formed Host field."),
    closing("bad_framing", S::BAD_REQUEST, "The request's length is ambiguous", "Send one Content-Length, or Transfer-Encoding: chunked, and not both."),
    closing("ambiguous_path", S::BAD_REQUEST, "The path can be read in more than one way", "Send the path without dot segments, empty segments, backslashes, semicolons or encoded separators."),
    closing("double_credentials", S::BAD_REQUEST, "The request holds more than one credential", "Send one credential, in one place."),
    code("bad_json", S::BAD_REQUEST, "The body is not the JSON object this endpoint reads", "Send one JSON object with the members of this endpoint."),
    code("invalid_token", S::BAD_REQUEST, "The link is not good", "Ask for a new one: each is good once and for a while."),
    code("passkey_refused", S::BAD_REQUEST, "The new passkey is not taken", "Begin again, on the page of this site, with a device that asks who you are."),
    code("login_required", S::UNAUTHORIZED, "Sign in first", "Send an access token: Authorization: Bearer …"),
    code("token_expired", S::UNAUTHORIZED, "The access token has expired", "Use the refresh token to get a new one."),
    code("token_invalid", S::UNAUTHORIZED, "The access token is not valid", "Sign in again."),
    code("session_ended", S::UNAUTHORIZED, "The session has ended", "Use the refresh token, or sign in again."),
    code("login_too_old", S::UNAUTHORIZED, "The sign-in is too old for this path", "Sign in again; refreshing does not help."),
    code("login_without_mfa", S::UNAUTHORIZED, "This path needs a sign-in with a second factor", "Sign in again and show it; who has none yet adds one to the account first."),
    code("mfa_required", S::UNAUTHORIZED, "The second factor is asked for", "Send the challenge and a code to the mfa endpoint."),
    code("invalid_challenge", S::UNAUTHORIZED, "The challenge is not good any more", "Begin the sign-in again."),
    code("invalid_passkey", S::UNAUTHORIZED, "The passkey is not good here", "Begin again and show a passkey of this site, or sign in with the password."),
    code("invalid_code", S::UNAUTHORIZED, "The code is not right", "Check the clock of the device, and send the next code."),
    code("invalid_credentials", S::UNAUTHORIZED, "The name or the password is not right", "Check both and try again."),
    code("invalid_refresh_token", S::UNAUTHORIZED, "The refresh token is not valid", "Sign in again."),
    code("refresh_token_reused", S::UNAUTHORIZED, "The refresh token was used before", "The session has been ended to be safe. Sign in again."),
    code("csrf_missing", S::UNAUTHORIZED, "The field X-CSRF-TOKEN is missing", "Send the cookie csrf_access_token (csrf_refresh_token at refresh) back in it."),
    code("csrf_mismatch", S::UNAUTHORIZED, "The field X-CSRF-TOKEN is not the token's", "Send the cookie csrf_access_token (csrf_refresh_token at refresh) back in it."),
    code("account_disabled", S::FORBIDDEN, "The account is disabled", "Ask the operator."),
    code("email_unverified", S::FORBIDDEN, "The e-mail address is not verified", "Follow the link in the mail that was just sent again."),
    code("missing_role", S::FORBIDDEN, "The account lacks the role this path needs", "Ask the operator for the role, or sign in as someone else."),
    code("missing_scope", S::FORBIDDEN, "The token lacks a scope this path needs", "Ask the operator for the scope."),
    code("invalid_invite", S::FORBIDDEN, "The invitation is not valid", "Ask for a new one: each is good once, for a while, and perhaps for one address."),
    code("registration_closed", S::FORBIDDEN, "Accounts cannot be made here", "Ask the operator for an account."),
    code("foreign_origin", S::FORBIDDEN, "Requests from another site are refused", "Send the request from this site's own pages, from a site that a route's cors names, or without a browser."),
    code("bad_form", S::FORBIDDEN, "The form is not one of this site's own pages", "Load the page anew, with cookies allowed, and send the form from there."),
    code("untrusted_proxy", S::FORBIDDEN, "Only a proxy of this site may ask that", "Ask about a token of your own at the plain verify endpoint."),
    code("network_not_allowed", S::FORBIDDEN, "This path is not for your network", "Ask from a network that may use it."),
    code("not_allowed", S::FORBIDDEN, "This address may not ask", "Ask from an address that [admin] allow names."),
    code("no_route", S::NOT_FOUND, "Nothing is served at this path", "Check the path."),
    code("no_second_factor", S::NOT_FOUND, "There is no second factor", "Add one first."),
    code("method_not_allowed", S::METHOD_NOT_ALLOWED, "The method is not allowed here", "Use one of the methods that Allow names."),
    closing("connect_refused", S::METHOD_NOT_ALLOWED, "This gateway is not a tunnel", "Send an ordinary request."),
    closing("body_timeout", S::REQUEST_TIMEOUT, "The body did not arrive in time", "Send it again, faster."),
    code("second_factor_exists", S::CONFLICT, "There is a second factor already", "Remove it first."),
    code("passkey_exists", S::CONFLICT, "The passkey is there already", "Use it, or remove it first."),
    code("too_many_passkeys", S::CONFLICT, "There are too many passkeys", "Remove one that is not used any more."),
    code("user_exists", S::CONFLICT, "The name or the e-mail address is taken", "Choose another one, or sign in."),
    closing("body_too_large", S::PAYLOAD_TOO_LARGE, "The body is larger than this path takes", "Send less."),
    closing("target_too_long", S::URI_TOO_LONG, "The path is too long", "Send a shorter one."),
    closing("unsupported_media_type", S::UNSUPPORTED_MEDIA_TYPE, "This endpoint does not read that content type", "Send the content type of this endpoint, without a Content-Encoding."),
    closing("expectation_failed", S::EXPECTATION_FAILED, "That expectation is not known", "Send Expect: 100-continue or none."),
    closing("unknown_host", S::MISDIRECTED_REQUEST, "This gateway does not serve that host", "Check the host name."),
    code("invalid_fields", S::UNPROCESSABLE_ENTITY, "Some fields are not right", "See errors."),
    code("same_password", S::UNPROCESSABLE_ENTITY, "The new password is the old one", "Choose another password."),
    code("weak_password", S::UNPROCESSABLE_ENTITY, "The password is too weak", "See errors."),
    code("too_many_attempts", S::TOO_MANY_REQUESTS, "Too many attempts", "Wait as long as Retry-After says."),
    code("rate_limited", S::TOO_MANY_REQUESTS, "Too many requests", "Wait as long as Retry-After says."),
    closing("headers_too_large", S::REQUEST_HEADER_FIELDS_TOO_LARGE, "The header fields are too large", "Send fewer or smaller fields."),
    INTERNAL,
    closing("method_not_known", S::NOT_IMPLEMENTED, "The method is not known", "Use a method in upper-case letters."),
    code("upstream_refused", S::BAD_GATEWAY, "The backend cannot be reached", "Try again later; the gateway itself is well."),
    code("upstream_bad_response", S::BAD_GATEWAY, "The backend's answer makes no sense", "Try again later; tell the operator the request id."),
    code("upstream_tls", S::BAD_GATEWAY, "The backend is not believed", "Try again later; tell the operator the request id."),
    code("busy", S::SERVICE_UNAVAILABLE, "Too much is going on", "Wait as long as Retry-After says."),
    code("unavailable", S::SERVICE_UNAVAILABLE, "Accounts cannot be reached", "Wait as long as Retry-After says."),
    code("no_healthy_upstream", S::SERVICE_UNAVAILABLE, "The backend can take no request now", "Try again later; the gateway itself is well."),
    code("upstream_timeout", S::GATEWAY_TIMEOUT, "The backend did not answer in time", "Try again later; the gateway itself is well."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_once_and_is_documented() {
        let page = include_str!("../../docs/STATUS-CODES.md");
        for (at, code) in CODES.iter().enumerate() {
            assert_eq!(CODES.iter().position(|other| other.name == code.name), Some(at), "{} stands twice", code.name);
            let row = format!("| {} | `{}` |", code.status.as_u16(), code.name);
            assert!(page.contains(&row), "docs/STATUS-CODES.md has no row that begins with {row}");
        }
    }

    #[test]
    fn every_row_of_the_page_is_a_code() {
        for line in include_str!("../../docs/STATUS-CODES.md").lines() {
            let mut cells = line.split('|').map(str::trim).skip(1);
            let (Some(status), Some(cell)) = (cells.next(), cells.next()) else { continue };
            // Other tables tell of paths, and of what succeeds.
            let name = cell.trim_matches('`');
            if !cell.starts_with('`') || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
                continue;
            }
            let code =
                Code::named(name).unwrap_or_else(|| panic!("docs/STATUS-CODES.md tells of {name}, which is no code"));
            assert_eq!(status, code.status.as_str(), "{name}");
        }
    }
}
