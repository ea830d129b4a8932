//! People and sessions as the store keeps them.
use std::collections::BTreeMap;
use std::net::IpAddr;

use super::StoreError;
use super::engine::Row;
use crate::base::{Email, Role, Scope, Secret, SessionId, Timestamp, UserId, Username};

/// What the operator wrote about a person, by name.
pub(crate) type Attributes = BTreeMap<String, String>;

/// SHA-256 of a secret, or another 32 bytes that may be known.
pub(crate) type Digest = [u8; 32];

#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) id: UserId,
    pub(crate) username: Option<Username>,
    pub(crate) email: Option<Email>,
    pub(crate) email_verified: bool,
    pub(crate) name: Option<String>,
    /// In PHC form; without one nobody can sign in by password.
    pub(crate) password_hash: Option<Secret>,
    /// When the password itself was chosen; hashing it anew with other parameters does not count.
    pub(crate) password_set_at: Timestamp,
    pub(crate) roles: Vec<Role>,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) attributes: Attributes,
    pub(crate) disabled: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) last_login_at: Option<Timestamp>,
}

impl User {
    /// What to call this person: the name they sign in with, else their address.
    pub(crate) fn label(&self) -> Option<&str> {
        self.username.as_ref().map(Username::as_str).or_else(|| self.email.as_ref().map(Email::as_str))
    }

    /// When the password was changed here; `None`: it is the one that they came with.
    pub(crate) fn password_changed_at(&self) -> Option<Timestamp> {
        Some(self.password_set_at).filter(|set_at| *set_at > self.id.made_at())
    }

    pub(super) fn from_row(row: &Row) -> Result<Self, StoreError> {
        let username = row.maybe_text("username")?.map(|text| Username::parse(&text)).transpose();
        let email = row.maybe_text("email")?.map(|text| Email::parse(&text)).transpose();
        Ok(Self {
            id: row.user_id("id")?,
            username: username.map_err(|_| StoreError::Unreadable("username"))?,
            email: email.map_err(|_| StoreError::Unreadable("e-mail address"))?,
            email_verified: row.int("email_verified")? != 0,
            name: row.maybe_text("name")?,
            password_hash: row.maybe_text("password_hash")?.map(Secret::new),
            password_set_at: row.time("password_set_at")?,
            roles: parse_list(&row.text("roles")?, Role::parse).ok_or(StoreError::Unreadable("list of roles"))?,
            scopes: parse_list(&row.text("scopes")?, Scope::parse).ok_or(StoreError::Unreadable("list of scopes"))?,
            attributes: serde_json::from_str(&row.text("attributes")?)
                .map_err(|_| StoreError::Unreadable("list of attributes"))?,
            disabled: row.int("disabled")? != 0,
            created_at: row.time("created_at")?,
            updated_at: row.time("updated_at")?,
            last_login_at: row.maybe_time("last_login_at")?,
        })
    }
}

/// A person to be added.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewUser {
    pub(crate) username: Option<Username>,
    pub(crate) email: Option<Email>,
    /// The operator wrote it, or it was verified elsewhere.
    pub(crate) email_verified: bool,
    pub(crate) name: Option<String>,
    pub(crate) password_hash: Option<Secret>,
    pub(crate) roles: Vec<Role>,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) attributes: Attributes,
}

/// One sign-in on one device.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) user: UserId,
    pub(crate) created_at: Timestamp,
    /// When the person last proved who they are.
    pub(crate) auth_time: Timestamp,
    /// When it was used last, and so when its newest access token was issued.
    pub(crate) last_seen_at: Timestamp,
    /// When its newest refresh token ends.
    pub(crate) expires_at: Timestamp,
    /// The last moment at which an access token of this session may still be believed.
    pub(crate) tokens_until: Timestamp,
    /// Access tokens of this session that were issued before are dead.
    tokens_from: Timestamp,
    pub(crate) ended_at: Option<Timestamp>,
    /// How the person proved it (RFC 8176).
    pub(crate) amr: Vec<String>,
    pub(crate) ip: Option<IpAddr>,
    pub(crate) user_agent: Option<String>,
    /// Known by a browser's cookie, and not by refresh tokens.
    pub(crate) by_cookie: bool,
}

impl Session {
    pub(super) fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.session_id("id")?,
            user: row.user_id("user_id")?,
            created_at: row.time("created_at")?,
            auth_time: row.time("auth_time")?,
            last_seen_at: row.time("last_seen_at")?,
            expires_at: row.time("expires_at")?,
            tokens_until: row.time("tokens_until")?,
            tokens_from: row.time("tokens_from")?,
            ended_at: row.maybe_time("ended_at")?,
            amr: row.text("amr")?.split_ascii_whitespace().map(str::to_owned).collect(),
            ip: row.maybe_text("ip")?.and_then(|text| text.parse().ok()),
            user_agent: row.maybe_text("user_agent")?,
            by_cookie: row.maybe_bytes("cookie")?.is_some(),
        })
    }

    /// When an access token is issued that is asked for `now`. Tokens may have ended by a clock that is ahead of this one.
    pub(crate) fn issues_at(&self, now: Timestamp) -> Timestamp {
        now.max(self.tokens_from)
    }

    pub(super) fn is_live(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && self.expires_at > now
    }
}

/// What a client shows for its session; a digest of it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionKey {
    /// The first refresh token.
    Refresh(Digest),
    Cookie(Digest),
}

/// A session to be begun.
#[derive(Debug, Clone)]
pub(crate) struct NewSession {
    pub(crate) id: SessionId,
    pub(crate) key: SessionKey,
    pub(crate) now: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) tokens_until: Timestamp,
    pub(crate) amr: &'static [&'static str],
    pub(crate) ip: Option<IpAddr>,
    pub(crate) user_agent: Option<String>,
}

/// " a b ": a blank on both sides of each word, so that a query can find one.
pub(super) fn write_list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().fold(String::from(" "), |list, word| list + word + " ")
}

pub(super) fn parse_list<T, E>(list: &str, parse: impl Fn(&str) -> Result<T, E>) -> Option<Vec<T>> {
    list.split_ascii_whitespace().map(|word| parse(word).ok()).collect()
}

pub(super) fn digest(bytes: Vec<u8>) -> Result<Digest, StoreError> {
    bytes.try_into().map_err(|_| StoreError::Unreadable("digest"))
}
