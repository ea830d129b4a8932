//! Each room's errors as refusals, matched in full: a new error does not compile until it is thought about.
use std::time::Duration;

use http::StatusCode;

use super::{Challenge, FieldProblem, Refusal};
use crate::account::{
    ChangeError, ChangePasswordError, FactorError, FieldError, LetterError, LinkError, LoginError, PasskeyError,
    RefreshError, RegisterError,
};
use crate::authn::AuthnError;
use crate::authz::Denied;
use crate::gate::Denial;
use crate::proxy::ForwardError;
use crate::routes::Route;
use crate::wire::BadRequest;

impl Refusal {
    fn of_fields(fields: Vec<FieldError>) -> Self {
        let problem = |field: FieldError| FieldProblem { field: field.field, code: field.code, detail: field.detail };
        Self::fields(fields.into_iter().map(problem).collect())
    }

    /// What was no request, or too large to be read as one.
    pub(crate) fn of_unread(status: StatusCode) -> Self {
        Self::named(match status {
            StatusCode::URI_TOO_LONG => "target_too_long",
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => "headers_too_large",
            _ => "bad_request",
        })
    }

    /// What the gate's "no" sounds like outside.
    pub(crate) fn of_denial(denial: Denial, route: Option<&Route>) -> Self {
        match denial {
            Denial::Method => Self::method_not_allowed_text(route.map(Route::allow).unwrap_or_default().to_owned()),
            Denial::Denied(Denied::MissingScope) => {
                Self::missing_scope(route.map_or(&[], |route| route.policy.scopes()))
            }
            Denial::Denied(Denied::LoginTooOld) => {
                Self::login_too_old(route.and_then(|route| route.policy.fresh_login()).unwrap_or_default())
            }
            Denial::Authn(AuthnError::Unavailable) => Self::retry_after(denial.reason(), STORE_AWAY),
            Denial::NoRoute
            | Denial::UnknownHost
            | Denial::Network
            | Denial::Path
            | Denial::Authn(
                AuthnError::Invalid
                | AuthnError::Expired
                | AuthnError::SessionEnded
                | AuthnError::Double
                | AuthnError::NoCsrf
                | AuthnError::OtherCsrf
                | AuthnError::ForeignOrigin,
            )
            | Denial::Denied(Denied::NotSignedIn | Denied::MissingRole | Denied::NoSecondFactor) => {
                Self::named(denial.reason())
            }
        }
    }
}

impl From<AuthnError> for Refusal {
    fn from(error: AuthnError) -> Self {
        Self::of_denial(Denial::Authn(error), None)
    }
}

impl From<BadRequest> for Refusal {
    fn from(error: BadRequest) -> Self {
        match error {
            // RFC 9110, section 15.5.6: a 405 names the methods.
            BadRequest::Connect => Self::allowing(error.code(), USUAL_METHODS),
            BadRequest::Method
            | BadRequest::Target
            | BadRequest::Value
            | BadRequest::Path(_)
            | BadRequest::Host
            | BadRequest::Framing
            | BadRequest::Expectation
            | BadRequest::Handshake
            | BadRequest::DoubleCredentials => Self::named(error.code()),
        }
    }
}

impl From<&ForwardError> for Refusal {
    fn from(error: &ForwardError) -> Self {
        match error {
            ForwardError::Crowded => Self::retry_after(error.code(), STORE_AWAY),
            ForwardError::SessionEnded
            | ForwardError::Unknown
            | ForwardError::Refused(_)
            | ForwardError::ConnectTimeout
            | ForwardError::Full
            | ForwardError::Unwell
            | ForwardError::ResponseTimeout
            | ForwardError::BadResponse(_)
            | ForwardError::Tls(_)
            | ForwardError::RequestTooLarge
            | ForwardError::RequestStalled
            | ForwardError::RequestBroken(_)
            | ForwardError::ClientGone(_)
            | ForwardError::Path(_) => Self::named(error.code()),
        }
    }
}

impl From<LoginError> for Refusal {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::WrongCredentials => Self::named("invalid_credentials"),
            LoginError::Disabled => Self::named("account_disabled"),
            LoginError::SecondFactor { challenge, methods } => {
                Self::mfa_required(Challenge { token: challenge, methods })
            }
            LoginError::ChallengeOver => Self::named("invalid_challenge"),
            LoginError::WrongCode => Self::named("invalid_code"),
            LoginError::WrongPasskey => Self::named("invalid_passkey"),
            LoginError::Nameless(_) => Self::named("account_disabled"),
            LoginError::Unverified => Self::named("email_unverified"),
            LoginError::Limited { retry_after } => Self::retry_after("too_many_attempts", retry_after),
            LoginError::Busy { retry_after } => Self::retry_after("busy", retry_after),
            LoginError::Signing(_) => Self::named("internal"),
            LoginError::Unavailable(_) => Self::retry_after("unavailable", STORE_AWAY),
        }
    }
}

impl From<RegisterError> for Refusal {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Closed => Self::named("registration_closed"),
            RegisterError::NotInvited => Self::with_detail("registration_closed", "Registration needs an invitation."),
            RegisterError::BadInvite => Self::named("invalid_invite"),
            RegisterError::Invalid(fields) => Self::of_fields(fields),
            RegisterError::UserExists => Self::named("user_exists"),
            RegisterError::Limited { retry_after } => Self::retry_after("too_many_attempts", retry_after),
            RegisterError::Busy { retry_after } => Self::retry_after("busy", retry_after),
            RegisterError::Signing(_) => Self::named("internal"),
            RegisterError::Unavailable(_) => Self::retry_after("unavailable", STORE_AWAY),
        }
    }
}

impl From<ChangeError> for Refusal {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::NotProved(error) => error.into(),
            ChangeError::Invalid(fields) => Self::of_fields(fields),
            ChangeError::UserExists => Self::named("user_exists"),
            ChangeError::Limited { retry_after } => Self::retry_after("too_many_attempts", retry_after),
            ChangeError::Busy { retry_after } => Self::retry_after("busy", retry_after),
            ChangeError::Gone => Self::named("session_ended"),
            ChangeError::Unavailable(_) => Self::retry_after("unavailable", STORE_AWAY),
        }
    }
}

impl From<ChangePasswordError> for Refusal {
    fn from(error: ChangePasswordError) -> Self {
        match error {
            ChangePasswordError::WrongCredentials => Self::named("invalid_credentials"),
            ChangePasswordError::Ended => Self::named("session_ended"),
            ChangePasswordError::Weak(field) => Self::of_fields(vec![field]),
            ChangePasswordError::Same => Self::named("same_password"),
            ChangePasswordError::Limited { retry_after } => Self::retry_after("too_many_attempts", retry_after),
            ChangePasswordError::Busy { retry_after } => Self::retry_after("busy", retry_after),
            ChangePasswordError::Unavailable(_) => Self::retry_after("unavailable", STORE_AWAY),
        }
    }
}

impl From<LetterError> for Refusal {
    fn from(error: LetterError) -> Self {
        match error {
            LetterError::Invalid(field) => Self::of_fields(vec![field]),
            LetterError::Limited { retry_after } => Self::retry_after("too_many_attempts", retry_after),
            LetterError::Busy { retry_after } => Self::retry_after("busy", retry_after),
        }
    }
}

impl From<LinkError> for Refusal {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Invalid => Self::named("invalid_token"),
            LinkError::Weak(field) => Self::of_fields(vec![field]),
            LinkError::Limited { retry_after } => Self::retry_after("too_many_attempts", retry_after),
            LinkError::Busy { retry_after } => Self::retry_after("busy", retry_after),
            LinkError::Unavailable(_) => Self::retry_after("unavailable", STORE_AWAY),
        }
    }
}

impl From<FactorError> for Refusal {
    fn from(error: FactorError) -> Self {
        match error {
            FactorError::WrongPassword => Self::named("invalid_credentials"),
            FactorError::LoginTooOld(most) => Self::login_too_old(most),
            FactorError::NotShown => Self::named("login_without_mfa"),
            FactorError::Ended => Self::named("session_ended"),
            FactorError::WrongCode => Self::named("invalid_code"),
            FactorError::Exists => Self::named("second_factor_exists"),
            FactorError::Missing => Self::named("no_second_factor"),
            FactorError::Limited { retry_after } => Self::retry_after("too_many_attempts", retry_after),
            FactorError::Busy { retry_after } => Self::retry_after("busy", retry_after),
            FactorError::Sealed(_) | FactorError::Picture => Self::named("internal"),
            FactorError::Unavailable(_) => Self::retry_after("unavailable", STORE_AWAY),
        }
    }
}

impl From<PasskeyError> for Refusal {
    fn from(error: PasskeyError) -> Self {
        match error {
            PasskeyError::NotProved(error) => error.into(),
            PasskeyError::Limited { retry_after } => Self::retry_after("too_many_attempts", retry_after),
            PasskeyError::Unfit(why) => {
                tracing::info!(error = %why, "a new passkey was refused");
                Self::named("passkey_refused")
            }
            PasskeyError::ChallengeOver => Self::named("passkey_refused"),
            PasskeyError::Exists => Self::named("passkey_exists"),
            PasskeyError::TooMany => Self::named("too_many_passkeys"),
            PasskeyError::Missing => Self::named("no_route"),
            PasskeyError::Name => {
                let detail = "must have 1 to 64 letters".to_owned();
                Self::fields(vec![FieldProblem { field: "name", code: "invalid", detail }])
            }
            PasskeyError::Unavailable(_) => Self::retry_after("unavailable", STORE_AWAY),
        }
    }
}

impl From<RefreshError> for Refusal {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Invalid => Self::named("invalid_refresh_token"),
            RefreshError::Reused => Self::named("refresh_token_reused"),
            RefreshError::Ended => Self::named("session_ended"),
            RefreshError::Signing(_) => Self::named("internal"),
            RefreshError::Unavailable(_) => Self::retry_after("unavailable", STORE_AWAY),
        }
    }
}

const USUAL_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
/// How long a client waits before it asks for accounts again.
pub(crate) const STORE_AWAY: Duration = Duration::from_secs(5);
