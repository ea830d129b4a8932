//! What an upstream is told about the person, as field values.
use std::borrow::Cow;
use std::fmt::Write;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::base::{Role, Scope};
use crate::token::Identity;
use crate::wire::{IdentityFields, IdentityPart};

/// Sets the identity fields, after everything else: nothing that stood there before stays.
pub(super) fn set(headers: &mut HeaderMap, fields: &IdentityFields, identity: Option<&Identity>) {
    for (_, name) in &fields.fields {
        headers.remove(name);
    }
    each(fields, identity, |name, value| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    });
}

/// Tells each field. What is unknown or empty is told in none.
pub(super) fn each(fields: &IdentityFields, identity: Option<&Identity>, mut tell: impl FnMut(&HeaderName, &str)) {
    let Some(identity) = identity else { return };
    for (part, name) in &fields.fields {
        let value = value(identity, *part, &fields.separator);
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            tell(name, &value);
        }
    }
}

fn value<'a>(identity: &'a Identity, part: IdentityPart, separator: &str) -> Option<Cow<'a, str>> {
    Some(match part {
        IdentityPart::User => one(identity.login_name()?, separator),
        IdentityPart::Email => one(identity.email()?.as_str(), separator),
        IdentityPart::Name => one(identity.name()?, separator),
        IdentityPart::Sub => one(identity.sub(), separator),
        IdentityPart::Session => Cow::Owned(one(&identity.session()?.to_string(), separator).into_owned()),
        IdentityPart::Groups => joined(identity.roles().iter().map(Role::as_str), separator),
        IdentityPart::Scopes => joined(identity.scopes().iter().map(Scope::as_str), separator),
    })
}

fn one<'a>(text: &'a str, separator: &str) -> Cow<'a, str> {
    if is_plain(text, separator) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() * 2);
    encode(text, separator, &mut out);
    Cow::Owned(out)
}

fn joined<'a>(words: impl Iterator<Item = &'a str> + Clone, separator: &str) -> Cow<'a, str> {
    let mut rest = words.clone();
    if let (Some(only), None) = (rest.next(), rest.next()) {
        return one(only, separator);
    }
    let mut out = String::new();
    for word in words {
        if !out.is_empty() {
            out.push_str(separator);
        }
        encode(word, separator, &mut out);
    }
    Cow::Owned(out)
}

/// Letters, digits and a few signs that need no second look: what nearly every name is made of.
fn is_plain(text: &str, separator: &str) -> bool {
    let usual = |byte: u8| USUAL.get(usize::from(byte)).copied().unwrap_or_default();
    text.bytes().all(usual) && !separator.bytes().any(usual)
}

const USUAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte: u8 = 0;
    while byte < 0x7f {
        let usual = byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'@' | b':' | b'+');
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler: a wrong index does not build")]
        {
            table[byte as usize] = usual;
        }
        byte += 1;
    }
    table
};

/// Visible ASCII as it is, everything else percent-encoded UTF-8.
///
/// So are a percent sign, which would make decoding ambiguous, a blank at either end, which is lost on the way, and what
/// a backend might take for more than one value: the separator, a comma, a semicolon, and the start of an encoded word
/// (RFC 2047).
fn encode(text: &str, separator: &str, out: &mut String) {
    if is_plain(text, separator) {
        out.push_str(text);
        return;
    }
    let bytes = text.as_bytes();
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
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::base::{SessionId, Timestamp, UserId, Username};
    use crate::token::{Algorithm, Dialect, KeyRing, KeySettings, Person, Settings, StoredKey, Subject, Tokens};

    /// Somebody without an e-mail address and without roles; only a verified token makes one.
    fn alice() -> Identity {
        let now = Timestamp::from_seconds(1_790_000_000);
        let settings = Settings {
            access_ttl: Duration::from_secs(900),
            issuer: "https://app.example.com".to_owned(),
            audience: "authgate".to_owned(),
            subject: Subject::Id,
            algorithm: Algorithm::EdDsa,
            leeway: Duration::from_secs(5),
            revoke: crate::token::Revoke::Now,
            secret: None,
            keys: KeySettings::default(),
            dialect: Dialect::default(),
            claims: vec![],
        };
        let key = StoredKey::generate(Algorithm::EdDsa, now).unwrap();
        let tokens = Tokens::new(KeyRing::new(&key, &[]).unwrap(), &settings);
        let name = Username::parse("alice").unwrap();
        let person = Person {
            id: UserId::new(now),
            username: Some(&name),
            email: None,
            name: None,
            roles: &[],
            scopes: &[],
            attributes: &std::collections::BTreeMap::new(),
        };
        let token = tokens.issue(&person, SessionId::new(now), now, &["pwd"], now).unwrap().token;
        tokens.verify(&token, now).unwrap()
    }

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
            assert_eq!(one(text, ","), value, "{text:?}");
        }
        assert_eq!(joined(["a|b", "c"].into_iter(), "|"), "a%7Cb|c");
        assert_eq!(joined(["a b", "c"].into_iter(), " "), "a%20b c");
        assert_eq!(joined(["user", "admin"].into_iter(), ","), "user,admin");
        assert_eq!(joined(["a-b", "c"].into_iter(), "-"), "a%2Db-c");
        assert_eq!(joined([].into_iter(), ","), "");
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
        set(&mut headers, &fields, Some(&alice()));
        assert_eq!(headers.len(), 1);
        assert_eq!(headers["remote-user"], "alice");
        set(&mut headers, &fields, None);
        assert!(headers.is_empty());
    }

    proptest! {
        #[test]
        fn every_text_makes_one_visible_value(text in "\\PC*|.*") {
            let mut value = String::new();
            encode(&text, ",", &mut value);
            prop_assert!(value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()));
            prop_assert!(!value.starts_with(' ') && !value.ends_with(' ') && !value.contains([',', ';']));
        }
    }
}
