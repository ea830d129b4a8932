//! Every "no" a client can hear. This room alone knows status codes.
mod codes;
mod dialect;
mod from;
mod page;
mod render;

use std::time::Duration;

use http::{Method, StatusCode};

pub(crate) use codes::{CODES, Code, OAUTH};
pub(crate) use from::STORE_AWAY;
pub(crate) use page::Opened;
pub(crate) use render::{Renderer, TokenProblem, in_oauth, own_page, own_response, refusal_page};

use crate::base::{Scope, Secret};
use crate::token::Format;

/// One "no": which, and the little that changes from case to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    code: &'static Code,
    extra: Extra,
    /// The connection is not used again: what follows on it cannot be trusted.
    close: bool,
    /// Told as a 403, whatever the code's own status is.
    forbidden: bool,
    /// Where somebody could sign in, for a proxy that asks.
    place: Option<String>,
}

/// What a refusal says beside its code.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Extra {
    Nothing,
    RetryAfter(Duration),
    Allow(String),
    Scopes(Vec<Scope>),
    /// The sign-in must be younger than this.
    MaxAge(Duration),
    Fields(Vec<FieldProblem>),
    /// What the rest of a sign-in is sent with.
    Challenge(Challenge),
    /// In our words; never what the client sent.
    Detail(&'static str),
}

/// The first half of a sign-in.
#[derive(Debug, Clone)]
pub(crate) struct Challenge {
    pub(crate) token: Secret,
    /// How the second half may be shown.
    pub(crate) methods: Vec<&'static str>,
}

impl PartialEq for Challenge {
    fn eq(&self, other: &Self) -> bool {
        self.methods == other.methods && self.token.matches(other.token.expose())
    }
}

impl Eq for Challenge {}

/// One member of a form that is wrong (RFC 9457, section 3, shows this shape).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldProblem {
    pub(crate) field: &'static str,
    pub(crate) code: &'static str,
    pub(crate) detail: String,
}

/// The status that clients of this format see.
pub(crate) fn heard_as(format: Format, code: &Code) -> StatusCode {
    dialect::body(format, code, None).map_or(code.status, |(status, _)| status)
}

impl Refusal {
    /// The refusal of this name. The names are those of the table; one that is not there is an internal error.
    pub(crate) fn named(name: &str) -> Self {
        let code = Code::named(name).unwrap_or_else(Code::internal);
        Self { code, extra: Extra::Nothing, close: code.closes, forbidden: false, place: None }
    }

    pub(crate) fn retry_after(name: &str, wait: Duration) -> Self {
        Self { extra: Extra::RetryAfter(wait), ..Self::named(name) }
    }

    pub(crate) fn method_not_allowed(allow: &[Method]) -> Self {
        Self::method_not_allowed_text(allow.iter().map(Method::as_str).collect::<Vec<_>>().join(", "))
    }

    pub(crate) fn method_not_allowed_text(allow: String) -> Self {
        Self { extra: Extra::Allow(allow), ..Self::named("method_not_allowed") }
    }

    fn allowing(name: &str, allow: &str) -> Self {
        Self { extra: Extra::Allow(allow.to_owned()), ..Self::named(name) }
    }

    pub(crate) fn missing_scope(scopes: &[Scope]) -> Self {
        Self { extra: Extra::Scopes(scopes.to_vec()), ..Self::named("missing_scope") }
    }

    pub(crate) fn login_too_old(max_age: Duration) -> Self {
        Self { extra: Extra::MaxAge(max_age), ..Self::named("login_too_old") }
    }

    /// Wrong fields; a weak password alone has its own code.
    pub(crate) fn fields(problems: Vec<FieldProblem>) -> Self {
        let only_weak = problems.iter().all(|problem| problem.code == "weak_password");
        let name = if only_weak && !problems.is_empty() { "weak_password" } else { "invalid_fields" };
        Self { extra: Extra::Fields(problems), ..Self::named(name) }
    }

    pub(crate) fn mfa_required(challenge: Challenge) -> Self {
        Self { extra: Extra::Challenge(challenge), ..Self::named("mfa_required") }
    }

    pub(crate) fn with_detail(name: &str, detail: &'static str) -> Self {
        Self { extra: Extra::Detail(detail), ..Self::named(name) }
    }

    /// The same "no" in one of the two statuses that a proxy which asks takes for an answer.
    pub(crate) fn simply(self) -> Self {
        let keeps = matches!(self.code.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        Self { forbidden: !keeps, ..self }
    }

    /// Names the sign-in page in `Location`.
    pub(crate) fn signing_in_at(self, place: Option<String>) -> Self {
        Self { place, ..self }
    }

    /// The stable word: `error` in the body, `reason` in the log.
    pub(crate) const fn name(&self) -> &'static str {
        self.code.name
    }

    pub(crate) const fn status(&self) -> StatusCode {
        if self.forbidden { StatusCode::FORBIDDEN } else { self.code.status }
    }
}
