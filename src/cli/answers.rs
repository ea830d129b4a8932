//! The words a refused request is answered with, explained: `authgate help error token_expired`.

/// What the manual says of a code in an answer or in the access log.
pub(super) fn explain(code: &str) -> Option<&'static str> {
    ANSWERS.iter().find(|(name, _)| *name == code).map(|(_, words)| *words)
}

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ANSWERS.iter().map(|(name, _)| *name)
}

const ANSWERS: &[(&str, &str)] = &[
    (
        "login_required",
        "401. The route needs a sign-in and the request showed none. Send Authorization: Bearer with an access token.",
    ),
    ("token_expired", "401. The access token was good and has ended. Use the refresh token to get a new one."),
    ("token_invalid", "401. The token is not one of ours: wrong signature, issuer, audience or form. Sign in again."),
    ("session_ended", "401. The token's session was signed out, or the person disabled. Sign in again."),
    (
        "missing_role",
        "403. The person is signed in and has none of the roles the route asks for.\n`authgate user edit NAME --add-role ROLE` gives one.",
    ),
    (
        "missing_scope",
        "403. The person is signed in and lacks a scope the route asks for; [accounts] role_scopes gives scopes.",
    ),
    ("no_route", "404. No prefix in [[routes]] covers the path, so no backend was asked."),
    ("method_not_allowed", "405. The route's `methods` do not name this method; Allow says which they do."),
    (
        "ambiguous_path",
        "400. Two programs could read the path differently (`//`, `..`, `%2f` and their like), so it is refused.",
    ),
    ("bad_json", "400. The body is not the JSON object that was expected."),
    ("body_too_large", "413. The body is longer than `max_body` of the route or of [limits]."),
    ("rate_limited", "429. Too many requests; Retry-After says when to come again."),
    (
        "too_many_attempts",
        "429. Too many sign-ins from one address or for one account; Retry-After says when to come again.\n[limits] login_per_ip and login_per_account set how many.",
    ),
    ("invalid_credentials", "401. The name or the password is wrong. Nobody is told which."),
    ("account_disabled", "403. The password was right and the account is switched off: `authgate user enable NAME`."),
    ("user_exists", "409. The name or the address is taken."),
    ("invalid_fields", "422. A field is missing, unknown or malformed; `errors` in the answer names each."),
    ("weak_password", "422. The password is too short or too long: [passwords] min_length and max_length."),
    ("registration_closed", "403. [accounts] registration is \"closed\": `authgate user add NAME` makes accounts."),
    ("invalid_refresh_token", "401. The refresh token is unknown or has ended. Sign in again."),
    (
        "refresh_token_reused",
        "401. The refresh token was used before, so it may be stolen: the session was ended. Sign in again.",
    ),
    (
        "invalid_request",
        "400. A parameter of the token request is missing or stands there twice (RFC 6749, section 5.2).",
    ),
    ("invalid_grant", "400. The password or the refresh token is not good (RFC 6749, section 5.2)."),
    (
        "unsupported_grant_type",
        "400. grant_type is neither refresh_token nor password, or [tokens] password_grant is off.",
    ),
    ("invalid_scope", "400. The scope asked for is unknown or more than the person has (RFC 6749, section 5.2)."),
    (
        "upstream_refused",
        "502. The backend does not accept connections. Is it running, and at the address in the file?",
    ),
    ("upstream_bad_response", "502. The backend's answer is not HTTP."),
    (
        "upstream_timeout",
        "504. The backend did not answer within `response_timeout` of the upstream or `timeout` of the route.",
    ),
    (
        "no_healthy_upstream",
        "503. No connection to the backend is free, or each of its addresses fails its health check.",
    ),
];
