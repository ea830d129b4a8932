//! The claims of an access token (RFC 7519, section 4.1; RFC 9068, section 2.2): how they are written and how they are read.
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::json::{Anything, Names, Seconds, Text, twice};
use crate::base::{Role, SessionId};

/// What goes into a new token, in this order.
#[derive(Serialize)]
pub(super) struct NewClaims<'c> {
    pub(super) iss: &'c str,
    pub(super) sub: &'c str,
    pub(super) aud: &'c str,
    pub(super) exp: u64,
    pub(super) iat: u64,
    pub(super) nbf: u64,
    pub(super) jti: &'c str,
    #[serde(serialize_with = "shown")]
    pub(super) sid: SessionId,
    pub(super) auth_time: u64,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) amr: &'c [&'c str],
    /// Always there: a reader need not tell none from not said.
    pub(super) scope: String,
    #[serde(serialize_with = "names")]
    pub(super) roles: &'c [Role],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) preferred_username: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'c str>,
    /// The operator's; none of them has a name from above.
    #[serde(flatten)]
    pub(super) own: BTreeMap<&'c str, String>,
}

/// What was read from a token whose signature is right: each claim of its own type, its meaning not yet judged.
#[derive(Debug)]
pub(super) struct Claims<'c> {
    pub(super) iss: Option<Text<'c>>,
    pub(super) sub: Text<'c>,
    pub(super) aud: Option<Text<'c>>,
    pub(super) exp: Seconds,
    pub(super) iat: Seconds,
    pub(super) nbf: Option<Seconds>,
    pub(super) jti: Text<'c>,
    pub(super) sid: Option<Text<'c>>,
    pub(super) auth_time: Option<Seconds>,
    /// Whether `amr` names a second factor: nothing else of it is asked.
    pub(super) second_factor: bool,
    pub(super) scope: Option<Text<'c>>,
    pub(super) roles: Vec<Text<'c>>,
    pub(super) preferred_username: Option<Text<'c>>,
    pub(super) email: Option<Text<'c>>,
    pub(super) name: Option<Text<'c>>,
    /// Flask-JWT-Extended's alone.
    pub(super) csrf: Option<Text<'c>>,
}

impl<'c> Claims<'c> {
    /// Reads a payload; `Err` holds what is wrong with it, in words.
    pub(super) fn parse(payload: &'c [u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(payload).map_err(|_| "the payload is not UTF-8".to_owned())?;
        let mut reader = serde_json::Deserializer::from_str(text);
        let claims = reader.deserialize_map(Plain).and_then(|claims| reader.end().map(|()| claims));
        claims.map_err(|error| format!("the payload is not one plain JSON object of claims: {error}"))
    }
}

/// Reads one object in one go: each claim of its type, each name once wherever it stands.
struct Plain;

impl<'de> Visitor<'de> for Plain {
    type Value = Claims<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Claims<'de>, A::Error> {
        let mut said = Said::default();
        let mut others = Names::default();
        while let Some(name) = map.next_key::<Text<'de>>()? {
            match &*name {
                "iss" => once(&mut said.iss, map.next_value()?)?,
                "sub" => once(&mut said.sub, map.next_value()?)?,
                "aud" => once(&mut said.aud, map.next_value_seed(OneAudience)?)?,
                "exp" => once(&mut said.exp, map.next_value()?)?,
                "iat" => once(&mut said.iat, map.next_value()?)?,
                "nbf" => once(&mut said.nbf, map.next_value()?)?,
                "jti" => once(&mut said.jti, map.next_value()?)?,
                "sid" => once(&mut said.sid, map.next_value()?)?,
                "auth_time" => once(&mut said.auth_time, map.next_value()?)?,
                "amr" => once(&mut said.second_factor, map.next_value_seed(SecondFactor)?)?,
                "scope" => once(&mut said.scope, map.next_value()?)?,
                "roles" => once(&mut said.roles, map.next_value()?)?,
                "preferred_username" => once(&mut said.preferred_username, map.next_value()?)?,
                "email" => once(&mut said.email, map.next_value()?)?,
                "name" => once(&mut said.name, map.next_value()?)?,
                _ => {
                    others.add(name)?;
                    map.next_value_seed(Anything::IN_OUTERMOST)?;
                }
            }
        }
        said.claims()
    }
}

/// Keeps the first of a name; whoever says it again is refused.
fn once<T, E: de::Error>(slot: &mut Option<T>, value: T) -> Result<(), E> {
    if slot.replace(value).is_some() { Err(twice()) } else { Ok(()) }
}

/// What was read so far.
#[derive(Default)]
struct Said<'c> {
    iss: Option<Text<'c>>,
    sub: Option<Text<'c>>,
    aud: Option<Text<'c>>,
    exp: Option<Seconds>,
    iat: Option<Seconds>,
    nbf: Option<Seconds>,
    jti: Option<Text<'c>>,
    sid: Option<Text<'c>>,
    auth_time: Option<Seconds>,
    second_factor: Option<bool>,
    scope: Option<Text<'c>>,
    roles: Option<Vec<Text<'c>>>,
    preferred_username: Option<Text<'c>>,
    email: Option<Text<'c>>,
    name: Option<Text<'c>>,
}

impl<'c> Said<'c> {
    /// Without these a token of ours is none.
    fn claims<E: de::Error>(self) -> Result<Claims<'c>, E> {
        Ok(Claims {
            iss: Some(self.iss.ok_or_else(|| E::missing_field("iss"))?),
            sub: self.sub.ok_or_else(|| E::missing_field("sub"))?,
            aud: Some(self.aud.ok_or_else(|| E::missing_field("aud"))?),
            exp: self.exp.ok_or_else(|| E::missing_field("exp"))?,
            iat: self.iat.ok_or_else(|| E::missing_field("iat"))?,
            nbf: self.nbf,
            jti: self.jti.ok_or_else(|| E::missing_field("jti"))?,
            sid: self.sid,
            auth_time: self.auth_time,
            second_factor: self.second_factor.unwrap_or_default(),
            scope: self.scope,
            roles: self.roles.unwrap_or_default(),
            preferred_username: self.preferred_username,
            email: self.email,
            name: self.name,
            csrf: None,
        })
    }
}

/// `aud` is a string, or a list of exactly one: a token for two audiences was not made for us alone.
struct OneAudience;

impl<'de> DeserializeSeed<'de> for OneAudience {
    type Value = Text<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Text<'de>, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OneAudience {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one audience")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
        Text::deserialize(de::value::BorrowedStrDeserializer::new(text))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'de>, E> {
        Text::deserialize(de::value::StrDeserializer::new(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Text<'de>, A::Error> {
        let only = items.next_element()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
        match items.next_element::<Text<'de>>()? {
            None => Ok(only),
            Some(_) => Err(de::Error::invalid_length(2, &self)),
        }
    }
}

/// The same as a member's own reader.
pub(super) fn one_audience<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<Text<'de>>, D::Error> {
    OneAudience.deserialize(reader).map(Some)
}

/// Reads a list of methods (RFC 8176) without keeping it.
struct SecondFactor;

impl<'de> DeserializeSeed<'de> for SecondFactor {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<bool, D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for SecondFactor {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of methods")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut methods: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(method) = methods.next_element::<Text<'de>>()? {
            found |= SECOND_FACTORS.contains(&&*method);
        }
        Ok(found)
    }
}

/// The same as a member's own reader.
pub(super) fn names_second_factor<'de, D: Deserializer<'de>>(reader: D) -> Result<bool, D::Error> {
    SecondFactor.deserialize(reader)
}

/// A one-time code, a key that cannot be copied, or several factors.
const SECOND_FACTORS: [&str; 3] = ["otp", "hwk", "mfa"];

fn shown<T: fmt::Display, S: serde::Serializer>(value: &T, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(value)
}

fn names<S: serde::Serializer>(roles: &[Role], out: S) -> Result<S::Ok, S::Error> {
    out.collect_seq(roles.iter().map(Role::as_str))
}
