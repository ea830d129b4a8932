//! Who a verified token says somebody is.
use super::claims::Claims;
use super::json::Text;
use super::settings::Subject;
use super::verify::TokenError;
use crate::base::{Email, Role, Scope, Secret, SessionId, Timestamp, TokenId, UserId, Username};

/// Somebody whom a token names. Only verifying a token makes one, so holding one is the proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    sub: String,
    user: Option<UserId>,
    username: Option<Username>,
    email: Option<Email>,
    name: Option<String>,
    roles: Vec<Role>,
    scopes: Vec<Scope>,
    session: Option<SessionId>,
    token_id: String,
    issued_at: Timestamp,
    auth_time: Option<Timestamp>,
    second_factor: bool,
    expires_at: Timestamp,
    machine: bool,
    /// What has to come along with the token where a browser keeps it.
    csrf: Option<Beside>,
}

/// A value that two identities are compared by like by any other, and that does not print.
#[derive(Debug, Clone)]
struct Beside(Secret);

impl PartialEq for Beside {
    fn eq(&self, other: &Self) -> bool {
        self.0.matches(other.0.expose())
    }
}

impl Eq for Beside {}

/// A machine as the store knows it, by its service token.
#[derive(Debug)]
pub(crate) struct Machine<'a> {
    pub(crate) id: TokenId,
    /// SHA-256 of the token.
    pub(crate) hash: &'a [u8; 32],
    pub(crate) name: &'a str,
    pub(crate) scopes: &'a [Scope],
    pub(crate) issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// What a service token begins with: lets scanners find one that leaked, and us tell it from a JWT.
pub(crate) const SERVICE_TOKEN_PREFIX: &str = "ags_";

impl Identity {
    /// `sub`, of the kind that the settings ask for.
    pub(crate) fn sub(&self) -> &str {
        &self.sub
    }

    /// The person's id; `None` where `sub` is a name or an address.
    pub(crate) fn user(&self) -> Option<UserId> {
        self.user
    }

    pub(crate) fn username(&self) -> Option<&Username> {
        self.username.as_ref()
    }

    /// What the person signs in with: the address where there is no username, which never holds an `@`. Machines have neither.
    pub(crate) fn login_name(&self) -> Option<&str> {
        self.username.as_ref().map(Username::as_str).or_else(|| self.email.as_ref().map(Email::as_str))
    }

    pub(crate) fn email(&self) -> Option<&Email> {
        self.email.as_ref()
    }

    /// What the person is called: any text without control characters.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(crate) fn roles(&self) -> &[Role] {
        &self.roles
    }

    pub(crate) fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    /// The sign-in that the token belongs to; `None` for a token that another holder of the key made.
    pub(crate) fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// `jti`: visible text that names this token alone.
    pub(crate) fn token_id(&self) -> &str {
        &self.token_id
    }

    /// When the token was issued: to the millisecond for our own, to the second for others.
    pub(crate) fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// When the person last showed a password or the like.
    pub(crate) fn auth_time(&self) -> Option<Timestamp> {
        self.auth_time
    }

    /// Whether the person showed a second factor when they signed in.
    pub(crate) fn showed_second_factor(&self) -> bool {
        self.second_factor
    }

    /// When the token ends, leeway not counted.
    pub(crate) fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// What a page sends along with a token in a cookie, to show that it can read the site's cookies.
    pub(crate) fn csrf(&self) -> Option<&Secret> {
        self.csrf.as_ref().map(|Beside(csrf)| csrf)
    }

    /// Not a person: it has no username, so that no backend takes it for the person of that name.
    pub(crate) fn is_machine(&self) -> bool {
        self.machine
    }

    /// The machine's own id, which is its token's.
    pub(crate) fn machine(&self) -> Option<TokenId> {
        TokenId::parse(&self.token_id).filter(|_| self.machine)
    }

    /// The machine behind a service token: the token is the one that was kept, and its time is not over.
    pub(crate) fn of_machine(presented: &str, kept: &Machine<'_>, now: Timestamp) -> Result<Self, TokenError> {
        if Secret::new(presented.to_owned()).digest() != *kept.hash {
            return Err(TokenError::Invalid);
        }
        if kept.expires_at <= now {
            return Err(TokenError::Expired);
        }
        Ok(Self {
            sub: kept.id.to_string(),
            user: None,
            username: None,
            email: None,
            name: Some(kept.name.to_owned()),
            roles: Vec::new(),
            scopes: kept.scopes.to_vec(),
            session: None,
            token_id: kept.id.to_string(),
            issued_at: kept.issued_at,
            auth_time: None,
            second_factor: false,
            expires_at: kept.expires_at,
            machine: true,
            csrf: None,
        })
    }

    /// Parses what the claims hold; the error names the claim that does not fit.
    pub(super) fn from_claims(claims: &Claims<'_>, subject: Subject) -> Result<Self, Unfit> {
        let mut username =
            read("preferred_username", claims.preferred_username.as_ref(), |text| Username::parse(text).ok())?;
        let mut email = read("email", claims.email.as_ref(), |text| Email::parse(text).ok())?;
        let mut user = None;
        // `sub` is compared as it stands: names are folded where people type them, not where they identify.
        match subject {
            Subject::Id => user = Some(UserId::parse(&claims.sub).ok_or(Unfit("sub"))?),
            Subject::Username => {
                username = Some(Self::subject(&claims.sub, username, Username::parse, Username::as_str)?)
            }
            Subject::Email => email = Some(Self::subject(&claims.sub, email, Email::parse, Email::as_str)?),
        }
        Ok(Self {
            sub: claims.sub.to_owned(),
            user,
            username,
            email,
            name: read("name", claims.name.as_ref(), |text| is_printable(text).then(|| text.to_owned()))?,
            roles: claims
                .roles
                .iter()
                .map(|text| Role::parse(text))
                .collect::<Result<_, _>>()
                .map_err(|_| Unfit("roles"))?,
            scopes: scopes(claims.scope.as_ref())?,
            session: read("sid", claims.sid.as_ref(), SessionId::parse)?,
            token_id: token_id(&claims.jti)?.to_owned(),
            issued_at: issued_at(claims),
            auth_time: claims.auth_time.map(|time| Timestamp::from_seconds(time.0)),
            second_factor: claims.second_factor,
            expires_at: Timestamp::from_seconds(claims.exp.0),
            machine: false,
            csrf: claims.csrf.as_ref().map(|text| Beside(Secret::new((**text).to_owned()))),
        })
    }

    /// A `sub` that is a name or an address: in its one spelling, and the same as the claim beside it, if there is one.
    fn subject<T, E>(
        sub: &str,
        beside: Option<T>,
        parse: fn(&str) -> Result<T, E>,
        text: fn(&T) -> &str,
    ) -> Result<T, Unfit> {
        let parsed = parse(sub).map_err(|_| Unfit("sub"))?;
        let agrees = beside.is_none_or(|beside| text(&beside) == sub);
        if text(&parsed) == sub && agrees { Ok(parsed) } else { Err(Unfit("sub")) }
    }
}

/// A claim that is not what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unfit(pub(super) &'static str);

fn read<T>(
    claim: &'static str,
    text: Option<&Text<'_>>,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Unfit> {
    text.map(|text| parse(text).ok_or(Unfit(claim))).transpose()
}

/// One space between two scopes, none around them (RFC 6749, section 3.3).
fn scopes(text: Option<&Text<'_>>) -> Result<Vec<Scope>, Unfit> {
    match text.map(|text| &**text) {
        None | Some("") => Ok(Vec::new()),
        Some(text) => text.split(' ').map(Scope::parse).collect::<Result<_, _>>().map_err(|_| Unfit("scope")),
    }
}

/// A token's id goes into tables and logs: bounded, and visible ASCII.
fn token_id(text: &str) -> Result<&str, Unfit> {
    let fits = (1..=MAX_TOKEN_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(text) } else { Err(Unfit("jti")) }
}

/// Our own ids know the millisecond, which tells a token from one made just before a change; `iat` knows the second only.
fn issued_at(claims: &Claims<'_>) -> Timestamp {
    TokenId::parse(&claims.jti)
        .map(TokenId::made_at)
        .filter(|made| made.seconds() == claims.iat.0)
        .unwrap_or_else(|| Timestamp::from_seconds(claims.iat.0))
}

pub(super) fn is_printable(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

const MAX_TOKEN_ID: usize = 128;
