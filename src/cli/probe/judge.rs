//! What an answer to an attempt means.
use super::answer::Answer;
use super::target::NoAnswer;
use crate::refusal::CODES;

/// How one attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Held,
    GotIn,
    /// An answer from which it cannot be told.
    Unsure,
    /// Something that it needs is not there.
    NotTried,
}

impl Outcome {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::GotIn => "got in",
            Self::Unsure => "unsure",
            Self::NotTried => "not tried",
        }
    }
}

/// An outcome and its reason.
pub(super) type Verdict = (Outcome, String);

/// Whether somebody who must not get in was refused. `known`: what refuses here shows that it is authgate.
pub(super) fn refused(answer: &Result<Answer, NoAnswer>, sign_in: &str, known: bool) -> Verdict {
    let answer = match answer {
        Ok(answer) => answer,
        Err(NoAnswer::Closed) => return (Outcome::Held, "closed without an answer".to_owned()),
        Err(error @ (NoAnswer::Unreachable(_) | NoAnswer::Slow | NoAnswer::Nonsense)) => {
            return (Outcome::Unsure, error.to_string());
        }
    };
    let status = answer.status;
    let Some(code) = own_code(answer) else { return foreign(answer, sign_in, known) };
    match status {
        429 => (Outcome::Unsure, "429: the probe itself was slowed down; try again later".to_owned()),
        // Only a request that was let in can find its backend away.
        502..=504 if code.starts_with("upstream_") || code == "no_healthy_upstream" => {
            (Outcome::GotIn, format!("{status} {code}: it was let in, and only the backend was away"))
        }
        500.. if status != 501 => (Outcome::Unsure, format!("{status} {code}")),
        _ => (Outcome::Held, format!("{status} {code}").trim_end().to_owned()),
    }
}

/// What did not come from authgate, or does not show it.
fn foreign(answer: &Answer, sign_in: &str, known: bool) -> Verdict {
    let status = answer.status;
    match status {
        200..=299 => (Outcome::GotIn, format!("answered {status}, with nobody signed in")),
        300..=399 => {
            let place = answer.field("location").unwrap_or_default();
            let path = place.split(['?', '#']).next().unwrap_or_default();
            if path.ends_with(sign_in) {
                (Outcome::Held, format!("{status} to the sign-in page"))
            } else {
                (Outcome::Unsure, format!("{status} to {place}"))
            }
        }
        // What any server says to a request that it cannot read.
        400 | 414 | 421 | 431 | 501 => (Outcome::Held, format!("{status}, not from authgate")),
        401 | 403 | 405 | 422 if !known => (Outcome::Held, status.to_string()),
        _ => (Outcome::Unsure, format!("{status}, and not from authgate: was the backend asked?")),
    }
}

/// The stable code of a refusal of ours; empty where another stack's words are spoken.
pub(super) fn own_code(answer: &Answer) -> Option<String> {
    let body = answer.json();
    let named = body.as_ref().and_then(|body| body.get("error")?.as_str());
    let code = named.filter(|name| CODES.iter().any(|code| code.name == *name));
    let challenge = answer.field("www-authenticate").unwrap_or_default();
    code.map(str::to_owned).or_else(|| challenge.contains("realm=\"authgate\"").then(String::new))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(status: u16, fields: &str, body: &str) -> Outcome {
        let text = format!("HTTP/1.1 {status} X\r\n{fields}Content-Length: {}\r\n\r\n{body}", body.len());
        refused(&Ok(Answer::ended(text.as_bytes(), "GET").unwrap()), "/auth/login", true).0
    }

    #[test]
    fn a_refusal_of_ours_holds_and_what_reached_the_backend_got_in() {
        assert_eq!(verdict(401, "", r#"{"error":"login_required"}"#), Outcome::Held);
        assert_eq!(verdict(400, "", r#"{"error":"ambiguous_path"}"#), Outcome::Held);
        assert_eq!(verdict(404, "", r#"{"error":"no_route"}"#), Outcome::Held);
        assert_eq!(verdict(401, "WWW-Authenticate: Bearer realm=\"authgate\"\r\n", r#"{"msg":"no"}"#), Outcome::Held);
        assert_eq!(verdict(502, "", r#"{"error":"upstream_refused"}"#), Outcome::GotIn);
        assert_eq!(verdict(429, "", r#"{"error":"rate_limited"}"#), Outcome::Unsure);
        assert_eq!(verdict(200, "", ""), Outcome::GotIn);
        assert_eq!(verdict(206, "", "secret"), Outcome::GotIn);
    }

    #[test]
    fn a_no_from_somebody_else_is_not_taken_for_ours() {
        assert_eq!(verdict(404, "", "not found"), Outcome::Unsure);
        assert_eq!(verdict(401, "", r#"{"error":"who_knows"}"#), Outcome::Unsure);
        assert_eq!(verdict(400, "", "Bad Request"), Outcome::Held);
        assert_eq!(verdict(303, "Location: /auth/login?return_to=%2F\r\n", ""), Outcome::Held);
        assert_eq!(verdict(301, "Location: /app/\r\n", ""), Outcome::Unsure);
        assert_eq!(refused(&Err(NoAnswer::Closed), "/auth/login", true).0, Outcome::Held);
        assert_eq!(refused(&Err(NoAnswer::Slow), "/auth/login", true).0, Outcome::Unsure);
    }
}
