//! The one table of all settings. Which keys are known, `gateway.toml.example`, the JSON schema and
//! `authgate help config` come from it.
mod browsers;
mod operator;
mod people;
mod routes;
mod server;
mod tokens;

use std::time::Duration;

/// One table of the file.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// What stands above the header in the example file.
    pub(super) words: &'static str,
    /// The header as the example file shows it.
    pub(super) header: &'static str,
    pub(super) settings: &'static [Setting],
    /// Keys that a later version will know.
    pub(super) later: &'static [&'static str],
}

/// How often a section's keys stand in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `[server]`
    Once,
    /// `[upstreams.NAME]`
    Named,
    /// `[[routes]]`
    List,
}

/// One key.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) key: &'static str,
    pub(super) kind: Kind,
    pub(super) unset: Unset,
    /// As TOML: the default, or an example where there is none.
    pub(super) shown: &'static str,
    pub(super) words: &'static str,
}

/// What holds when the key is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unset {
    /// The value shown.
    Default,
    /// Nothing, or what the words say; the value shown is an example.
    Nothing,
    /// It must be there.
    Refused,
}

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    /// A text that is never shown.
    Secret,
    /// One of these.
    Word(&'static [&'static str]),
    Flag,
    Count(u64, u64),
    Duration(Duration, Duration),
    /// In bytes.
    Size(u64, u64),
    Rate,
    List,
    OneOrMore,
    /// An inline table with these keys.
    Table(&'static [Setting]),
    /// An inline table of lists, with names that are the operator's.
    Lists,
    /// An inline table of texts with these keys; none: with names that are the operator's.
    Texts(&'static [&'static str]),
    /// The same with names that are the operator's, and texts that are never shown.
    Hidden,
}

impl Kind {
    /// A value that fits into an environment variable.
    pub(super) fn is_single(&self) -> bool {
        !matches!(self, Self::List | Self::Table(_) | Self::Lists | Self::Texts(_) | Self::Hidden)
    }

    /// As a sentence names it: "must be ...".
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Text | Self::Secret | Self::Word(_) => "a text in quotes",
            Self::Flag => "true or false",
            Self::Count(..) => "a whole number",
            Self::Duration(..) => "a duration such as \"30s\"",
            Self::Size(..) => "a size such as \"10MiB\"",
            Self::Rate => "a rate such as \"20/m\"",
            Self::List => "a list of texts",
            Self::OneOrMore => "a text or a list of texts",
            Self::Table(_) | Self::Lists | Self::Texts(_) | Self::Hidden => "a table in braces",
        }
    }
}

impl Section {
    pub(super) fn setting(&self, key: &str) -> Option<&'static Setting> {
        self.settings.iter().find(|setting| setting.key == key)
    }

    /// As it is written above its keys: `[server]`, `[[routes]]`, `[upstreams.NAME]`.
    pub(super) fn title(&self) -> String {
        match self.shape {
            Shape::Once => format!("[{}]", self.name),
            Shape::Named => format!("[{}.NAME]", self.name),
            Shape::List => format!("[[{}]]", self.name),
        }
    }
}

pub(super) fn section(name: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.name == name)
}

const fn with_default(key: &'static str, kind: Kind, shown: &'static str, words: &'static str) -> Setting {
    Setting { key, kind, unset: Unset::Default, shown, words }
}

const fn without(key: &'static str, kind: Kind, shown: &'static str, words: &'static str) -> Setting {
    Setting { key, kind, unset: Unset::Nothing, shown, words }
}

const fn needed(key: &'static str, kind: Kind, shown: &'static str, words: &'static str) -> Setting {
    Setting { key, kind, unset: Unset::Refused, shown, words }
}

/// Sections that a later version will know.
pub(super) const LATER_SECTIONS: &[&str] = &["providers", "issuers"];

/// Names that other gateways use, and ours: (section, theirs, ours).
pub(super) const SYNONYMS: &[(&str, &str, &str)] = &[
    ("server", "port", "listen"),
    ("server", "bind", "listen"),
    ("server", "address", "listen"),
    ("server", "app_url", "public_url"),
    ("server", "root_url", "public_url"),
    ("server", "site_url", "public_url"),
    ("upstreams", "url", "urls"),
    ("routes", "path", "prefix"),
    ("routes", "match", "prefix"),
    ("routes", "to", "upstream"),
    ("routes", "url", "upstream"),
    ("routes", "target", "upstream"),
    ("routes", "backend", "upstream"),
    ("routes", "proxy_pass", "upstream"),
    ("routes", "policy", "auth"),
    ("routes", "protected", "auth"),
    ("routes", "public", "auth"),
    ("routes", "groups", "roles"),
    ("tokens", "lifetime", "access_ttl"),
    ("tokens", "expires_in", "access_ttl"),
    ("store", "path", "url"),
    ("store", "database", "url"),
];

/// Half an hour is long for a request; a day is a mistake.
const WAIT: Kind = Kind::Duration(Duration::from_millis(1), Duration::from_secs(86_400));
const LIFE: Kind = Kind::Duration(Duration::from_secs(1), Duration::from_secs(3650 * 86_400));
const SOME: Kind = Kind::Count(1, 1_000_000);
pub(super) const ALGORITHMS: &[&str] = &["ES256", "EdDSA", "RS256", "PS256", "HS256"];
pub(super) const IDENTITY_PARTS: &[&str] = &["user", "email", "name", "groups", "sub", "scopes", "session"];

/// In the order of the example file. In `words` a line that begins with a newline leaves an empty line above it.
pub(super) const SECTIONS: &[Section] = &[
    server::SERVER,
    server::TLS,
    routes::UPSTREAMS,
    routes::ROUTES,
    people::ACCOUNTS,
    people::PASSWORDS,
    tokens::TOKENS,
    tokens::KEYS,
    browsers::SESSIONS,
    browsers::PAGES,
    routes::IDENTITY,
    operator::STORE,
    server::LIMITS,
    people::MAIL,
    operator::ADMIN,
    operator::LOG,
    operator::METRICS,
];

/// Words that a later version will take as a value: (section, key, word).
pub(super) const LATER_WORDS: &[(&str, &str, &str)] = &[];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_stands_twice() {
        let mut seen = std::collections::BTreeSet::new();
        for section in SECTIONS {
            assert!(!LATER_SECTIONS.contains(&section.name));
            for setting in section.settings {
                assert!(seen.insert((section.name, setting.key)), "{}.{}", section.name, setting.key);
                assert!(!section.later.contains(&setting.key));
            }
        }
    }

    #[test]
    fn a_synonym_names_a_setting_and_is_none() {
        for (name, theirs, ours) in SYNONYMS {
            let section = section(name).unwrap();
            assert!(section.setting(ours).is_some(), "{ours}");
            assert!(section.setting(theirs).is_none(), "{theirs}");
        }
    }
}
