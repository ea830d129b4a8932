//! Refusals in the words of the two stacks whose tokens we can write, so that a front end goes on unchanged.
//!
//! Which case gets which status and body is theirs; `tests/gateway/formats.rs` compares each with what the real library answers.
use http::StatusCode;
use serde_json::{Value, json};

use super::Code;
use crate::token::Format;

/// Status and body; none where our own are to be used.
pub(super) fn body(format: Format, code: &Code, detail: Option<&str>) -> Option<(StatusCode, Value)> {
    match format {
        Format::Native => None,
        Format::FlaskJwtExtended => Some(flask(code, detail)),
        Format::SimpleJwt => Some(simple(code)),
    }
}

/// Flask-JWT-Extended 4: `{"msg": …}`; a token that is none is 422.
fn flask(code: &Code, detail: Option<&str>) -> (StatusCode, Value) {
    let (status, words) = match code.name {
        "login_required" => (code.status, "Missing Authorization Header"),
        "token_invalid" => (StatusCode::UNPROCESSABLE_ENTITY, "Signature verification failed"),
        "token_expired" => (code.status, "Token has expired"),
        "session_ended" | "refresh_token_reused" => (code.status, "Token has been revoked"),
        "invalid_refresh_token" => {
            (StatusCode::UNPROCESSABLE_ENTITY, detail.unwrap_or("Signature verification failed"))
        }
        "invalid_credentials" => (code.status, "Bad username or password"),
        _ => (code.status, code.title),
    };
    (status, json!({ "msg": words }))
}

/// SimpleJWT 5 behind Django REST framework: `{"detail": …, "code": …}`.
fn simple(code: &Code) -> (StatusCode, Value) {
    let body = match code.name {
        "login_required" => json!({ "detail": "Authentication credentials were not provided." }),
        "token_invalid" | "session_ended" => no_good_token("Token is invalid"),
        "token_expired" => no_good_token("Token is expired"),
        "invalid_credentials" => json!({ "detail": "No active account found with the given credentials" }),
        "invalid_refresh_token" => json!({ "detail": "Token is invalid", "code": "token_not_valid" }),
        "refresh_token_reused" => json!({ "detail": "Token is blacklisted", "code": "token_not_valid" }),
        "missing_role" | "missing_scope" => {
            json!({ "detail": "You do not have permission to perform this action." })
        }
        name => json!({ "detail": code.title, "code": name }),
    };
    (code.status, body)
}

fn no_good_token(why: &str) -> Value {
    json!({
        "detail": "Given token not valid for any token type",
        "code": "token_not_valid",
        "messages": [{ "token_class": "AccessToken", "token_type": "access", "message": why }],
    })
}
