//! Access tokens as two other stacks write and read them, so that a backend goes on with its own library.
//!
//! Flask-JWT-Extended 4: `type`, `fresh`, `csrf`, a `sub` that is a string. SimpleJWT 5: `token_type`, `user_id`. Neither names
//! its key or says for whom a token is unless it was told to, and a token that one of them made has no session.
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::claims::{Claims, NewClaims, names_second_factor, one_audience};
use super::json::{Seconds, Text, is_plain_object, present};
use super::jws::{ACCESS_TOKEN_TYPE, PLAIN_TYPE};
use crate::base::random_bytes;

/// Whose form tokens and answers have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Native,
    FlaskJwtExtended,
    SimpleJwt,
}

/// The form of tokens, and what of it the operator asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) format: Format,
    /// `iss` is written and must be there; otherwise it may be missing.
    pub(crate) states_issuer: bool,
    /// The same for `aud`.
    pub(crate) states_audience: bool,
}

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Access,
    /// Made by the other stack, which keeps no list of them. Ours are no JWT.
    Refresh,
}

impl Default for Dialect {
    fn default() -> Self {
        Self { format: Format::Native, states_issuer: true, states_audience: true }
    }
}

impl Dialect {
    /// The claims of a new token in another stack's words. What it has no word for stays as it is.
    pub(super) fn write(self, claims: &NewClaims<'_>, fresh: bool) -> Map<String, Value> {
        let Ok(Value::Object(mut said)) = serde_json::to_value(claims) else { return Map::new() };
        if !self.states_issuer {
            said.shift_remove("iss");
        }
        if !self.states_audience {
            said.shift_remove("aud");
        }
        match self.format {
            Format::Native => {}
            Format::FlaskJwtExtended => {
                said.insert("type".to_owned(), ACCESS.into());
                said.insert("fresh".to_owned(), fresh.into());
                said.insert("csrf".to_owned(), URL_SAFE_NO_PAD.encode(random_bytes::<16>()).into());
            }
            Format::SimpleJwt => {
                let subject = said.shift_remove("sub").unwrap_or_default();
                said.insert("token_type".to_owned(), ACCESS.into());
                said.insert("user_id".to_owned(), subject);
            }
        }
        said
    }

    /// Reads a payload; `Err` holds what is wrong with it, in words.
    pub(super) fn read<'c>(self, payload: &'c [u8], wanted: Use) -> Result<Claims<'c>, String> {
        if self.format == Format::Native {
            return match wanted {
                Use::Access => Claims::parse(payload),
                Use::Refresh => Err("not a refresh token".to_owned()),
            };
        }
        if !is_plain_object(payload) {
            return Err("the payload is not one plain JSON object with each name once".to_owned());
        }
        let said: Foreign<'c> = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
        self.translated(said, wanted)
    }

    fn translated(self, said: Foreign<'_>, wanted: Use) -> Result<Claims<'_>, String> {
        let (kind, sub) = match self.format {
            // Flask-JWT-Extended takes a token without a type for an access token.
            Format::Native | Format::FlaskJwtExtended => (Some(said.kind.as_deref().unwrap_or(ACCESS)), said.sub),
            Format::SimpleJwt => (said.token_type.as_deref(), said.user_id),
        };
        match wanted {
            Use::Access if kind != Some(ACCESS) => return Err("not an access token".to_owned()),
            Use::Refresh if kind != Some(REFRESH) => return Err("not a refresh token".to_owned()),
            Use::Access | Use::Refresh => {}
        }
        Ok(Claims {
            iss: said.iss,
            sub: sub.ok_or("nobody is named")?,
            aud: said.aud,
            exp: said.exp,
            iat: said.iat,
            nbf: said.nbf,
            jti: said.jti,
            sid: said.sid,
            auth_time: said.auth_time,
            second_factor: said.second_factor,
            scope: said.scope,
            roles: said.roles,
            preferred_username: said.preferred_username,
            email: said.email,
            name: said.name,
            csrf: said.csrf,
        })
    }

    /// What may stand in `typ`.
    pub(super) fn takes_type(self, typ: Option<&str>) -> bool {
        match self.format {
            Format::Native => typ == Some(ACCESS_TOKEN_TYPE),
            Format::FlaskJwtExtended | Format::SimpleJwt => typ.is_none_or(|typ| typ == PLAIN_TYPE),
        }
    }
}

/// What either stack may have written, and ours beside it.
#[derive(Deserialize)]
struct Foreign<'c> {
    #[serde(borrow, default, rename = "type", deserialize_with = "present")]
    kind: Option<Text<'c>>,
    #[serde(borrow, default, deserialize_with = "present")]
    token_type: Option<Text<'c>>,
    #[serde(borrow, default, deserialize_with = "present")]
    sub: Option<Text<'c>>,
    #[serde(borrow, default, deserialize_with = "present")]
    user_id: Option<Text<'c>>,
    #[serde(borrow, default, deserialize_with = "present")]
    iss: Option<Text<'c>>,
    #[serde(borrow, default, deserialize_with = "one_audience")]
    aud: Option<Text<'c>>,
    exp: Seconds,
    iat: Seconds,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<Seconds>,
    #[serde(borrow)]
    jti: Text<'c>,
    #[serde(borrow, default, deserialize_with = "present")]
    sid: Option<Text<'c>>,
    #[serde(default, deserialize_with = "present")]
    auth_time: Option<Seconds>,
    #[serde(default, rename = "amr", deserialize_with = "names_second_factor")]
    second_factor: bool,
    #[serde(borrow, default, deserialize_with = "present")]
    scope: Option<Text<'c>>,
    #[serde(borrow, default)]
    roles: Vec<Text<'c>>,
    #[serde(borrow, default, deserialize_with = "present")]
    preferred_username: Option<Text<'c>>,
    #[serde(borrow, default, deserialize_with = "present")]
    email: Option<Text<'c>>,
    #[serde(borrow, default, deserialize_with = "present")]
    name: Option<Text<'c>>,
    #[serde(borrow, default, deserialize_with = "present")]
    csrf: Option<Text<'c>>,
}

const ACCESS: &str = "access";
const REFRESH: &str = "refresh";
