//! Claims that the operator adds to every access token.
use std::collections::BTreeMap;

/// A name and what it says, with attributes of the person in it. Made by `new` only, so that it takes no other claim's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnClaim {
    name: String,
    text: String,
    /// Each stands before this byte of the text, in their order.
    attributes: Vec<(usize, String)>,
}

/// Why there cannot be such a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadClaim {
    #[error("the gateway or the library behind it says something else by that name")]
    Reserved,
    #[error("a name has 1 to 64 visible ASCII characters")]
    Name,
    #[error("longer than {MAX_VALUE} bytes")]
    TooLong,
}

impl OwnClaim {
    pub(crate) fn new(name: String, text: String, attributes: Vec<(usize, String)>) -> Result<Self, BadClaim> {
        if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(BadClaim::Reserved);
        }
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(BadClaim::Name);
        }
        if text.len() > MAX_VALUE {
            return Err(BadClaim::TooLong);
        }
        Ok(Self { name, text, attributes })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What it says of a person. `None`: they lack an attribute that it needs, or it would be too long for every request to carry.
    pub(super) fn about(&self, person: &BTreeMap<String, String>) -> Option<String> {
        let (mut said, mut from) = (String::new(), 0);
        for (before, name) in &self.attributes {
            said.push_str(self.text.get(from..*before)?);
            said.push_str(person.get(name).filter(|value| !value.is_empty())?);
            from = *before;
        }
        said.push_str(self.text.get(from..)?);
        if said.len() > MAX_VALUE {
            tracing::warn!(claim = self.name, bytes = said.len(), "the claim is too long for a token and is left out");
            return None;
        }
        Some(said)
    }
}

/// More than these an operator does not want in every request.
pub(crate) const MOST_CLAIMS: usize = 32;
const MAX_NAME: usize = 64;
const MAX_VALUE: usize = 1024;

/// What tokens of ours and of the formats we speak say already, and what decides elsewhere whether and by whom a token may be used
/// (the registry of RFC 7519, section 10.1).
const RESERVED: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "sid",
    "auth_time",
    "amr",
    "acr",
    "azp",
    "nonce",
    "at_hash",
    "c_hash",
    "scope",
    "scopes",
    "roles",
    "groups",
    "permissions",
    "entitlements",
    "preferred_username",
    "email",
    "email_verified",
    "name",
    "act",
    "may_act",
    "cnf",
    "client_id",
    "events",
    "txn",
    "typ",
    "type",
    "fresh",
    "csrf",
    "token_type",
    "user_id",
    "active",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(text: &str, attributes: &[(usize, &str)]) -> OwnClaim {
        let attributes = attributes.iter().map(|(at, name)| (*at, (*name).to_owned())).collect();
        OwnClaim::new("department".to_owned(), text.to_owned(), attributes).unwrap()
    }

    fn person(attributes: &[(&str, &str)]) -> BTreeMap<String, String> {
        attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn attributes_are_filled_in_and_without_one_there_is_no_claim() {
        let ann = person(&[("department", "finance"), ("floor", "3"), ("empty", "")]);
        assert_eq!(claim("acme", &[]).about(&ann).as_deref(), Some("acme"));
        assert_eq!(claim("", &[(0, "department")]).about(&ann).as_deref(), Some("finance"));
        let both = claim("a//z", &[(2, "department"), (3, "floor")]);
        assert_eq!(both.about(&ann).as_deref(), Some("a/finance/3z"));
        assert_eq!(claim("a", &[(1, "team")]).about(&ann), None);
        assert_eq!(claim("a", &[(1, "empty")]).about(&ann), None);
    }

    #[test]
    fn what_an_attribute_holds_is_no_template_and_too_much_is_left_out() {
        let ann = person(&[("one", "${user.two}"), ("two", "x"), ("long", &"l".repeat(MAX_VALUE))]);
        assert_eq!(claim("", &[(0, "one")]).about(&ann).as_deref(), Some("${user.two}"));
        assert!(claim("", &[(0, "long")]).about(&ann).is_some());
        assert_eq!(claim("+", &[(1, "long")]).about(&ann), None);
    }

    #[test]
    fn no_claim_takes_the_place_of_another() {
        let made = |name: &str| OwnClaim::new(name.to_owned(), String::new(), vec![]).map(|_| ());
        for name in ["sub", "SUB", "roles", "exp", "fresh", "user_id"] {
            assert_eq!(made(name), Err(BadClaim::Reserved), "{name}");
        }
        for name in ["", "a b", "naïve", &"n".repeat(65)] {
            assert_eq!(made(name), Err(BadClaim::Name), "{name}");
        }
        assert_eq!(made("https://acme.example/department"), Ok(()));
        let long = OwnClaim::new("a".to_owned(), "x".repeat(MAX_VALUE + 1), vec![]);
        assert_eq!(long, Err(BadClaim::TooLong));
    }
}
