//! The claims of an access token (RFC 7519, section 4.1; RFC 9068, section 2.2): how they are written and how they are read.
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::json::{Seconds, Text, is_plain_object, present};
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
#[derive(Deserialize)]
pub(super) struct Claims<'c> {
    #[serde(borrow, deserialize_with = "present")]
    pub(super) iss: Option<Text<'c>>,
    #[serde(borrow)]
    pub(super) sub: Text<'c>,
    #[serde(borrow, deserialize_with = "one_audience")]
    pub(super) aud: Option<Text<'c>>,
    pub(super) exp: Seconds,
    pub(super) iat: Seconds,
    #[serde(default, deserialize_with = "present")]
    pub(super) nbf: Option<Seconds>,
    #[serde(borrow)]
    pub(super) jti: Text<'c>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(super) sid: Option<Text<'c>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) auth_time: Option<Seconds>,
    /// Whether `amr` names a second factor: nothing else of it is asked.
    #[serde(default, rename = "amr", deserialize_with = "names_second_factor")]
    pub(super) second_factor: bool,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(super) scope: Option<Text<'c>>,
    #[serde(borrow, default)]
    pub(super) roles: Vec<Text<'c>>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(super) preferred_username: Option<Text<'c>>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(super) email: Option<Text<'c>>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(super) name: Option<Text<'c>>,
    /// Flask-JWT-Extended's alone.
    #[serde(skip)]
    pub(super) csrf: Option<Text<'c>>,
}

impl<'c> Claims<'c> {
    /// Reads a payload; `Err` holds what is wrong with it, in words.
    pub(super) fn parse(payload: &'c [u8]) -> Result<Self, String> {
        if !is_plain_object(payload) {
            return Err("the payload is not one plain JSON object with each name once".to_owned());
        }
        serde_json::from_slice(payload).map_err(|error| error.to_string())
    }
}

/// `aud` is a string, or a list of exactly one: a token for two audiences was not made for us alone.
pub(super) fn one_audience<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<Text<'de>>, D::Error> {
    struct One;
    impl<'de> Visitor<'de> for One {
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
    reader.deserialize_any(One).map(Some)
}

/// Reads a list of methods (RFC 8176) without keeping it.
pub(super) fn names_second_factor<'de, D: Deserializer<'de>>(reader: D) -> Result<bool, D::Error> {
    struct Methods;
    impl<'de> Visitor<'de> for Methods {
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
    reader.deserialize_seq(Methods)
}

/// A one-time code, a key that cannot be copied, or several factors.
const SECOND_FACTORS: [&str; 3] = ["otp", "hwk", "mfa"];

fn shown<T: fmt::Display, S: serde::Serializer>(value: &T, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(value)
}

fn names<S: serde::Serializer>(roles: &[Role], out: S) -> Result<S::Ok, S::Error> {
    out.collect_seq(roles.iter().map(Role::as_str))
}
