//! Names of people, roles and scopes: a value that exists is a value that was checked.
use std::fmt;

/// What people sign in with: `[a-z0-9][a-z0-9._-]{0,63}` after ASCII lower-casing.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Username(String);

impl Username {
    /// Reads a name that is used to sign in or to look somebody up.
    pub(crate) fn parse(text: &str) -> Result<Self, NameError> {
        let name = text.to_ascii_lowercase();
        let mut bytes = name.bytes();
        let first = bytes.next().is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit());
        let rest = bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte));
        if first && rest && name.len() <= MAX_NAME { Ok(Self(name)) } else { Err(NameError::Username) }
    }

    /// Reads a name that somebody wants to take; names that mean nobody or the gateway cannot be taken.
    pub(crate) fn parse_new(text: &str) -> Result<Self, NameError> {
        let name = Self::parse(text)?;
        if RESERVED.contains(&name.as_str()) { Err(NameError::Reserved) } else { Ok(name) }
    }
}

/// An e-mail address, lower-cased: `local@domain` in visible ASCII, at most 254 characters (RFC 5321, section 4.5.3.1).
///
/// Whether mail arrives there is found out by sending one; this only keeps out what cannot be an address.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Email(String);

impl Email {
    pub(crate) fn parse(text: &str) -> Result<Self, NameError> {
        let address = text.to_ascii_lowercase();
        let (local, domain) = address.split_once('@').ok_or(NameError::Email)?;
        let local_ok = (1..=64).contains(&local.len())
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && local.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~.-".contains(&byte));
        if local_ok && is_domain(domain) && address.len() <= 254 { Ok(Self(address)) } else { Err(NameError::Email) }
    }
}

/// A role: visible ASCII without a comma, a semicolon, a quote or a backslash, at most 64 characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Role(String);

impl Role {
    pub(crate) fn parse(text: &str) -> Result<Self, NameError> {
        let fits = (1..=MAX_NAME).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic() && !b",;\"\\".contains(&byte));
        if fits { Ok(Self(text.to_owned())) } else { Err(NameError::Role) }
    }
}

/// A scope token (RFC 6749, section 3.3), at most 64 characters, without a comma or a semicolon.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Scope(String);

impl Scope {
    pub(crate) fn parse(text: &str) -> Result<Self, NameError> {
        Role::parse(text).map(|role| Self(role.0)).map_err(|_| NameError::Scope)
    }
}

/// Why a text is not a name; the words are shown to the person who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameError {
    #[error("must be 1 to 64 letters, digits, dots, underscores or hyphens, and begin with a letter or a digit")]
    Username,
    #[error("is reserved")]
    Reserved,
    #[error("is not an e-mail address")]
    Email,
    #[error("must be 1 to 64 visible ASCII characters without , ; \" or \\")]
    Role,
    #[error("must be 1 to 64 visible ASCII characters without , ; \" or \\")]
    Scope,
}

macro_rules! text {
    ($($name:ident),*) => {$(
        impl $name {
            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    )*};
}
text!(Username, Email, Role, Scope);

fn is_domain(domain: &str) -> bool {
    domain.len() <= 253
        && domain.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}

const MAX_NAME: usize = 64;

/// Names that mean nobody, everybody or the gateway itself. `admin` is a name like any other.
const RESERVED: &[&str] = &[
    "-",
    "all",
    "anonymous",
    "anybody",
    "anyone",
    "authgate",
    "everybody",
    "everyone",
    "false",
    "gateway",
    "guest",
    "me",
    "nan",
    "nil",
    "no-one",
    "nobody",
    "none",
    "noone",
    "null",
    "root",
    "self",
    "system",
    "true",
    "undefined",
    "unknown",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded_and_bounded() {
        assert_eq!(Username::parse("Alice").unwrap().as_str(), "alice");
        assert!(Username::parse(&"a".repeat(64)).is_ok());
        for wrong in ["", "-a", ".a", "al ice", "alice\n", "аlice", "é", "a@b", &"a".repeat(65), "al\0ice"] {
            assert_eq!(Username::parse(wrong), Err(NameError::Username), "{wrong:?}");
        }
    }

    #[test]
    fn names_that_mean_nobody_cannot_be_taken() {
        assert_eq!(Username::parse_new("Anonymous"), Err(NameError::Reserved));
        assert_eq!(Username::parse_new("root"), Err(NameError::Reserved));
        assert!(Username::parse_new("admin").is_ok());
    }

    #[test]
    fn addresses_are_folded_and_checked() {
        assert_eq!(Email::parse("Ann@Example.COM").unwrap().as_str(), "ann@example.com");
        for wrong in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@-b", "a..b@c", "a@b\r\nX: y", "é@b.de"] {
            assert_eq!(Email::parse(wrong), Err(NameError::Email), "{wrong:?}");
        }
    }

    #[test]
    fn roles_cannot_hold_a_separator() {
        assert!(Role::parse("billing:read").is_ok());
        for wrong in ["", "a,b", "a b", "a;b", "é", "a\"b"] {
            assert!(Role::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
