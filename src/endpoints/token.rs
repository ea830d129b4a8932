//! `POST {p}/token`: the password and refresh grants (RFC 6749, sections 4.3 and 6), in OAuth's own form.
use http::{Response, StatusCode};

use super::form::{self, Pairs, PairsError};
use super::tokens_out::token_answer;
use super::{Endpoints, Problem, source};
use crate::account::{LoginError, RefreshError, SignedIn};
use crate::base::{Role, Scope, Secret};
use crate::refusal::{STORE_AWAY, TokenProblem};
use crate::token::Format;
use crate::wire::{Body, Inbound};

impl Endpoints {
    pub(super) async fn token(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        // SimpleJWT's clients send name and password as JSON to this address.
        if self.format() == Format::SimpleJwt && form::is_json(inbound.headers()) {
            return self.login(inbound).await;
        }
        let body = inbound.take_body();
        let mut form = match form::parameters(inbound.headers(), body, self.body_timeout).await {
            Ok(form) => form,
            Err(PairsError::Refused(refusal)) => return Err(refusal.into()),
            Err(PairsError::Malformed) => return Err(INVALID_REQUEST.into()),
        };
        let grant = form.take("grant_type");
        let signed_in = match grant.as_ref().map(Secret::expose) {
            Some("refresh_token") => self.by_refresh_token(&mut form, &inbound).await?,
            // Clients of the usual tutorials leave grant_type out.
            Some("password") | None if self.password_grant => self.by_password(&mut form, &inbound).await?,
            Some(_) => return Err(UNSUPPORTED_GRANT.into()),
            None => return Err(INVALID_REQUEST.into()),
        };
        Ok(token_answer(&signed_in, self.format()))
    }

    async fn by_password(&self, form: &mut Pairs, inbound: &Inbound) -> Result<SignedIn, Problem> {
        let (Some(name), Some(password)) = (form.take("username"), form.take("password")) else {
            return Err(INVALID_REQUEST.into());
        };
        let mut outcome = self.accounts.login(name.expose(), &password, &source(inbound)).await;
        if let (Err(LoginError::SecondFactor { challenge, .. }), Some(code)) = (&outcome, form.take("code")) {
            outcome = self.accounts.sign_in_with_code(challenge, &code, &source(inbound)).await;
        }
        self.count_login("password_grant", &outcome);
        let signed_in = outcome.map_err(|error| of_login(&error))?;
        if let Err(problem) = check_scope(form.take("scope").as_ref(), &signed_in.scopes, &signed_in.user.roles) {
            // Nobody hears of that session: it ends.
            self.accounts.logout(Some(signed_in.session), None, &source(inbound)).await.map_err(|_| AWAY)?;
            return Err(problem.into());
        }
        Ok(signed_in)
    }

    async fn by_refresh_token(&self, form: &mut Pairs, inbound: &Inbound) -> Result<SignedIn, Problem> {
        let Some(refresh_token) = form.take("refresh_token") else { return Err(INVALID_REQUEST.into()) };
        let asked = form.take("scope");
        // Before anything is used up: the client goes on with the token that it has.
        if asked.is_some()
            && let Some((user, _)) = self.accounts.person_of_refresh(&refresh_token).await.map_err(|_| AWAY)?
        {
            let scopes = self.accounts.people().settings.scopes_of(&user);
            check_scope(asked.as_ref(), &scopes, &user.roles)?;
        }
        let outcome = match self.made_elsewhere(&refresh_token) {
            Some(Ok(identity)) => self.accounts.refresh_stranger(&refresh_token, &identity, &source(inbound)).await,
            Some(Err(_)) | None => self.accounts.refresh(&refresh_token, &source(inbound)).await,
        };
        self.count_refresh(&outcome);
        let signed_in = outcome.map_err(|error| of_refresh(&error))?;
        // Of a token that was used before, or made elsewhere, it is known only now whose it is.
        check_scope(asked.as_ref(), &signed_in.scopes, &signed_in.user.roles)?;
        Ok(signed_in)
    }
}

/// A scope that was asked for and is not there is refused; what is granted stands in the answer.
fn check_scope(asked: Option<&Secret>, scopes: &[Scope], roles: &[Role]) -> Result<(), TokenProblem> {
    let Some(asked) = asked else { return Ok(()) };
    let granted = |asked: &str| {
        scopes.iter().any(|scope| scope.as_str() == asked) || roles.iter().any(|role| role.as_str() == asked)
    };
    if asked.expose().split(' ').filter(|scope| !scope.is_empty()).all(granted) { Ok(()) } else { Err(INVALID_SCOPE) }
}

fn of_login(error: &LoginError) -> TokenProblem {
    match *error {
        LoginError::WrongCredentials => TokenProblem::new("invalid_grant", "the name or the password is not right"),
        LoginError::Disabled => TokenProblem::new("invalid_grant", "the account is disabled"),
        LoginError::Nameless(_) => {
            TokenProblem::new("invalid_grant", "the account cannot be given a token: ask the operator")
        }
        LoginError::SecondFactor { .. } => {
            TokenProblem::new("invalid_grant", "a second factor is needed: send its code as code")
        }
        LoginError::WrongCode | LoginError::WrongPasskey | LoginError::ChallengeOver => {
            TokenProblem::new("invalid_grant", "the code is not right")
        }
        LoginError::Unverified => TokenProblem::new("invalid_grant", "the e-mail address is not verified"),
        LoginError::Limited { retry_after } => TokenProblem {
            status: StatusCode::TOO_MANY_REQUESTS,
            retry_after: Some(retry_after),
            ..TokenProblem::new("too_many_attempts", "wait as long as Retry-After says")
        },
        LoginError::Busy { retry_after } => TokenProblem {
            status: StatusCode::SERVICE_UNAVAILABLE,
            retry_after: Some(retry_after),
            ..TokenProblem::new("temporarily_unavailable", "too much is going on")
        },
        LoginError::Signing(_) | LoginError::Unavailable(_) => AWAY,
    }
}

fn of_refresh(error: &RefreshError) -> TokenProblem {
    match error {
        RefreshError::Invalid | RefreshError::Ended => {
            TokenProblem::new("invalid_grant", "the refresh token is not valid")
        }
        RefreshError::Reused => {
            TokenProblem::new("invalid_grant", "the refresh token was used before; the session has ended")
        }
        RefreshError::Signing(_) | RefreshError::Unavailable(_) => AWAY,
    }
}

pub(super) const INVALID_REQUEST: TokenProblem =
    TokenProblem::new("invalid_request", "send each field of this grant once");
const UNSUPPORTED_GRANT: TokenProblem =
    TokenProblem::new("unsupported_grant_type", "grant_type is refresh_token or, where it is on, password");
const INVALID_SCOPE: TokenProblem = TokenProblem::new("invalid_scope", "the account does not have that scope");
pub(super) const AWAY: TokenProblem = TokenProblem {
    status: StatusCode::SERVICE_UNAVAILABLE,
    error: "temporarily_unavailable",
    description: "accounts cannot be reached",
    retry_after: Some(STORE_AWAY),
};
