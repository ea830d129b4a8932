//! Making access tokens.
use std::collections::BTreeMap;

use super::claims::NewClaims;
use super::identity::is_printable;
use super::jws::MAX_TOKEN_BYTES;
use super::settings::Subject;
use super::{Format, Tokens};
use crate::base::{Email, Role, Scope, SessionId, Timestamp, TokenId, UserId, Username};

/// Whom a token is made for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Person<'p> {
    pub(crate) id: UserId,
    pub(crate) username: Option<&'p Username>,
    pub(crate) email: Option<&'p Email>,
    pub(crate) name: Option<&'p str>,
    pub(crate) roles: &'p [Role],
    pub(crate) scopes: &'p [Scope],
    pub(crate) attributes: &'p BTreeMap<String, String>,
}

/// A new access token.
pub(crate) struct Issued {
    pub(crate) token: String,
    pub(crate) id: TokenId,
}

impl Tokens {
    /// Signs a token for one sign-in. `auth_time` is when the person proved who they are, `amr` how (RFC 8176).
    pub(crate) fn issue(
        &self,
        person: &Person<'_>,
        session: SessionId,
        auth_time: Timestamp,
        amr: &[&str],
        now: Timestamp,
    ) -> Result<Issued, SignError> {
        let id = TokenId::new(now);
        let expires = now.seconds().saturating_add(self.settings.access_ttl.as_secs());
        let user = person.id.to_string();
        let claims = NewClaims {
            iss: &self.settings.issuer,
            sub: self.subject(person, &user)?,
            aud: &self.settings.audience,
            exp: expires,
            iat: now.seconds(),
            nbf: now.seconds(),
            jti: &id.to_string(),
            sid: session,
            auth_time: auth_time.seconds(),
            amr,
            scope: joined(person.scopes),
            roles: person.roles,
            preferred_username: person.username.map(Username::as_str),
            email: person.email.map(Email::as_str),
            name: person.name.filter(|name| is_printable(name)),
            own: self.own_claims(person),
        };
        let keys = self.keys.load();
        let token = match self.settings.dialect.format {
            Format::Native => keys.sign(&claims),
            Format::FlaskJwtExtended | Format::SimpleJwt => {
                // Made by showing a password just now, not by renewing.
                keys.sign_plain(&self.settings.dialect.write(&claims, auth_time == now))
            }
        }
        .map_err(SignError::Key)?;
        if token.len() > MAX_TOKEN_BYTES {
            return Err(SignError::TooLong { bytes: token.len() });
        }
        Ok(Issued { token, id })
    }

    fn own_claims(&self, person: &Person<'_>) -> BTreeMap<&str, String> {
        let claims = self.settings.claims.iter();
        claims.filter_map(|claim| Some((claim.name(), claim.about(person.attributes)?))).collect()
    }

    fn subject<'p>(&self, person: &Person<'p>, user: &'p str) -> Result<&'p str, SignError> {
        match self.settings.subject {
            Subject::Id => Ok(user),
            Subject::Username => person.username.map(Username::as_str).ok_or(SignError::NoSubject("username")),
            Subject::Email => person.email.map(Email::as_str).ok_or(SignError::NoSubject("email")),
        }
    }
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Issued({})", self.id)
    }
}

/// Why no token was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignError {
    #[error("tokens name people by their {0}, and this person has none")]
    NoSubject(&'static str),
    #[error("the token would have {bytes} bytes; backends and browsers take 8192")]
    TooLong { bytes: usize },
    #[error("the session's tokens were ended by a clock that is ahead by more than [tokens] leeway: see to the clocks")]
    Ahead,
    #[error("the key did not sign")]
    Key(#[source] jsonwebtoken::errors::Error),
}

fn joined(scopes: &[Scope]) -> String {
    scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(" ")
}
