//! What an upstream is told about the person, as field values.
use std::fmt::Write;

use http::{HeaderMap, HeaderValue};

use crate::base::{Email, Role, Scope, Username};
use crate::token::Identity;
use crate::wire::{IdentityFields, IdentityPart};

/// The parts of an identity as text; what is `None` or empty is told in no field.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts<'a> {
    pub(super) user: Option<&'a str>,
    pub(super) email: Option<&'a str>,
    pub(super) name: Option<&'a str>,
    pub(super) sub: Option<&'a str>,
    pub(super) roles: Vec<&'a str>,
    pub(super) scopes: Vec<&'a str>,
    pub(super) session: Option<String>,
}

impl<'a> From<&'a Identity> for Facts<'a> {
    fn from(identity: &'a Identity) -> Self {
        Self {
            user: identity.username().map(Username::as_str),
            email: identity.email().map(Email::as_str),
            name: identity.name(),
            sub: Some(identity.sub()),
            roles: identity.roles().iter().map(Role::as_str).collect(),
            scopes: identity.scopes().iter().map(Scope::as_str).collect(),
            session: identity.session().map(|session| session.to_string()),
        }
    }
}

/// Sets the identity fields, after everything else: nothing that stood there before stays.
pub(super) fn set(headers: &mut HeaderMap, fields: &IdentityFields, facts: Option<&Facts<'_>>) {
    for (part, name) in &fields.fields {
        match facts.and_then(|facts| value(facts, *part, &fields.separator)) {
            Some(value) => drop(headers.insert(name, value)),
            None => drop(headers.remove(name)),
        }
    }
}

fn value(facts: &Facts<'_>, part: IdentityPart, separator: &str) -> Option<HeaderValue> {
    let text = match part {
        IdentityPart::User => encode(facts.user?, separator),
        IdentityPart::Email => encode(facts.email?, separator),
        IdentityPart::Name => encode(facts.name?, separator),
        IdentityPart::Sub => encode(facts.sub?, separator),
        IdentityPart::Session => encode(facts.session.as_deref()?, separator),
        IdentityPart::Groups => join(&facts.roles, separator),
        IdentityPart::Scopes => join(&facts.scopes, separator),
    };
    HeaderValue::try_from(text).ok().filter(|value| !value.is_empty())
}

fn join(words: &[&str], separator: &str) -> String {
    words.iter().map(|word| encode(word, separator)).collect::<Vec<_>>().join(separator)
}

/// Visible ASCII as it is, everything else percent-encoded UTF-8.
///
/// So are a percent sign, which would make decoding ambiguous, a blank at either end, which is lost on the way, and what
/// a backend might take for more than one value: the separator, a comma, a semicolon, and the start of an encoded word
/// (RFC 2047).
fn encode(text: &str, separator: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(bytes.len());
    for (at, &byte) in bytes.iter().enumerate() {
        let next = bytes.get(at + 1);
        let plain = match byte {
            b' ' => at != 0 && next.is_some() && !separator.contains(' '),
            b'%' | b',' | b';' => false,
            b'=' => next != Some(&b'?'),
            _ => byte.is_ascii_graphic() && !separator.as_bytes().contains(&byte),
        };
        if plain {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _written = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use http::HeaderName;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn visible_ascii_stays_and_everything_else_is_percent_encoded() {
        for (text, value) in [
            ("alice", "alice"),
            ("Ann Lee", "Ann Lee"),
            ("Zoë", "Zo%C3%AB"),
            ("100%", "100%25"),
            (" al ", "%20al%20"),
            ("al\t", "al%09"),
            ("al\r\nX: y", "al%0D%0AX: y"),
            ("al,bob", "al%2Cbob"),
            ("al;r=admin", "al%3Br=admin"),
            ("=?utf-8?q?x?=", "%3D?utf-8?q?x?="),
            ("\u{7f}", "%7F"),
            (" ", "%20"),
        ] {
            assert_eq!(encode(text, ","), value, "{text:?}");
        }
        assert_eq!(join(&["a|b", "c"], "|"), "a%7Cb|c");
        assert_eq!(join(&["a b", "c"], " "), "a%20b c");
    }

    #[test]
    fn what_a_person_lacks_is_told_in_no_field_and_an_old_value_goes() {
        let fields = IdentityFields {
            fields: vec![
                (IdentityPart::User, HeaderName::from_static("remote-user")),
                (IdentityPart::Email, HeaderName::from_static("remote-email")),
                (IdentityPart::Groups, HeaderName::from_static("remote-groups")),
            ],
            separator: ",".to_owned(),
        };
        let mut headers = HeaderMap::new();
        for name in ["remote-user", "remote-user", "remote-email", "remote-groups"] {
            headers.try_append(name, HeaderValue::from_static("root")).unwrap();
        }
        let facts = Facts { user: Some("alice"), ..Facts::default() };
        set(&mut headers, &fields, Some(&facts));
        assert_eq!(headers.len(), 1);
        assert_eq!(headers["remote-user"], "alice");
        set(&mut headers, &fields, None);
        assert!(headers.is_empty());
    }

    proptest! {
        #[test]
        fn every_text_makes_one_visible_value(text in "\\PC*|.*") {
            let value = encode(&text, ",");
            prop_assert!(value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()));
            prop_assert!(!value.starts_with(' ') && !value.ends_with(' ') && !value.contains([',', ';']));
        }
    }
}
