//! A refusal as a page, for a person who opened one.
use http::{Response, StatusCode};

use super::render::refusal_page;
use super::{Code, Extra, FieldProblem, Refusal};
use crate::pages::{Pages, Problem, Reader, Refused, Wrong};
use crate::wire::Body;

/// What is known of whoever opened a page that they do not get.
#[derive(Debug, Default)]
pub(crate) struct Opened<'a> {
    pub(crate) request_id: &'a str,
    /// As whom they are signed in.
    pub(crate) who: Option<&'a str>,
    /// The path that they asked for.
    pub(crate) place: Option<&'a str>,
    /// Which of the texts tells of it, where the code alone does not say.
    pub(crate) about: Option<&'static str>,
}

impl Refusal {
    /// The page that says this "no".
    pub(crate) fn page(&self, pages: &Pages, reader: &Reader, opened: &Opened<'_>) -> Response<Body> {
        // Somebody else may have what these lack, or the same person with another sign-in.
        let lacks = matches!(self.code.name, "missing_role" | "missing_scope" | "login_without_mfa");
        let page = Refused {
            status: self.status().as_u16(),
            code: self.code.name,
            about: opened.about.unwrap_or_else(|| about(self.code)),
            request_id: opened.request_id,
            who: opened.who,
            other_place: opened.place.filter(|_| lacks),
            problem: Some(self.problem()),
        };
        refusal_page(self, pages.show(&page, reader))
    }

    /// What a form says about itself that was not accepted.
    pub(crate) fn problem(&self) -> Problem {
        let wait = if let Extra::RetryAfter(wait) = self.extra { Some(wait) } else { None };
        let wrong = |problem: &FieldProblem| Wrong { field: problem.field, code: problem.code };
        let fields =
            if let Extra::Fields(fields) = &self.extra { fields.iter().map(wrong).collect() } else { Vec::new() };
        Problem { code: self.code.name, wait, fields }
    }
}

/// Which text tells a person of this code.
fn about(code: &Code) -> &'static str {
    match code.name {
        "login_required" | "token_expired" | "token_invalid" | "session_ended" | "login_too_old" => "sign_in",
        "login_without_mfa" => "mfa",
        "network_not_allowed" => "network",
        "foreign_origin" => "foreign",
        "bad_form" => "old_form",
        "registration_closed" | "invalid_invite" => "closed",
        "upstream_refused" => "backend_down",
        "upstream_bad_response" => "backend_odd",
        "no_healthy_upstream" => "backend_full",
        "upstream_timeout" => "backend_slow",
        _ => match code.status {
            StatusCode::UNAUTHORIZED => "sign_in",
            StatusCode::FORBIDDEN => "forbidden",
            StatusCode::NOT_FOUND => "not_found",
            StatusCode::METHOD_NOT_ALLOWED => "method",
            StatusCode::MISDIRECTED_REQUEST => "host",
            StatusCode::PAYLOAD_TOO_LARGE => "too_large",
            StatusCode::TOO_MANY_REQUESTS => "too_many",
            StatusCode::INTERNAL_SERVER_ERROR => "internal",
            StatusCode::SERVICE_UNAVAILABLE => "busy",
            _ => "bad_request",
        },
    }
}
