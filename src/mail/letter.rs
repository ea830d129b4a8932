//! What a letter says. The texts stand in plain files, one folder for each language.
use std::fmt;

use crate::base::{Email, Secret};
use crate::pages::Language;

/// The file of this name in the reader's language.
macro_rules! in_every_language {
    ($name:literal, $language:expr) => {
        match $language {
            Language::English => include_str!(concat!("texts/en/", $name, ".txt")),
            Language::German => include_str!(concat!("texts/de/", $name, ".txt")),
            Language::French => include_str!(concat!("texts/fr/", $name, ".txt")),
            Language::Spanish => include_str!(concat!("texts/es/", $name, ".txt")),
            Language::Arabic => include_str!(concat!("texts/ar/", $name, ".txt")),
        }
    };
}

/// What a letter is about. None of them holds a word that a stranger chose: our mail carries nobody's advertisement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A link to choose a new password.
    NewPassword,
    /// A link that proves that the address is one's own.
    ConfirmAddress,
    /// Somebody made an account with an address that has one.
    AccountExists,
    /// Somebody wanted a name that is taken.
    NameTaken,
    /// Another address takes the place of this one; told without a link.
    AddressChanged,
}

/// A letter to be sent.
#[derive(Clone)]
pub(crate) struct Letter {
    pub(crate) to: Email,
    pub(crate) subject: String,
    /// A link in it lets whoever has it in.
    pub(crate) text: Secret,
}

impl Letter {
    /// Fills a text in: `{site}` and `{link}`.
    pub(crate) fn new(to: &Email, about: Subject, language: Language, site: &str, link: &str) -> Self {
        let (subject, text) = about.text(language).split_once("\n\n").unwrap_or_default();
        let fill = |text: &str| text.replace("{site}", site).replace("{link}", link);
        Self { to: to.clone(), subject: fill(subject), text: Secret::new(fill(text)) }
    }
}

impl Subject {
    /// The subject, an empty line, the text.
    const fn text(self, language: Language) -> &'static str {
        match self {
            Self::NewPassword => in_every_language!("new_password", language),
            Self::ConfirmAddress => in_every_language!("confirm_address", language),
            Self::AccountExists => in_every_language!("account_exists", language),
            Self::NameTaken => in_every_language!("name_taken", language),
            Self::AddressChanged => in_every_language!("address_changed", language),
        }
    }
}

/// Without the text.
impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Letter({:?})", self.subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Subject; 5] = [
        Subject::NewPassword,
        Subject::ConfirmAddress,
        Subject::AccountExists,
        Subject::NameTaken,
        Subject::AddressChanged,
    ];

    #[test]
    fn every_text_has_a_subject_and_its_places_are_filled_in_every_language() {
        let to = Email::parse("ann@example.com").unwrap();
        let link = "https://app.example.com/auth/x?token=t";
        for (about, language) in ALL.into_iter().flat_map(|about| Language::ALL.map(|language| (about, language))) {
            let letter = Letter::new(&to, about, language, "https://app.example.com", link);
            let text = letter.text.expose();
            assert!(letter.subject.contains("https://app.example.com") && !letter.subject.contains('\n'), "{about:?}");
            // On a line of its own, where every program finds it.
            assert_eq!(text.lines().any(|line| line == link), about != Subject::AddressChanged, "{text}");
            assert!(about != Subject::AddressChanged || !text.contains("/auth"), "{text}");
            assert!(text.lines().any(|line| line == "https://app.example.com"), "{text}");
            assert!(!text.contains(['{', '}']) && text.ends_with('\n'), "{text}");
            assert!(text.lines().all(|line| line.chars().count() <= 78), "{text}");
            assert!(!format!("{letter:?}").contains("token"));
        }
    }

    #[test]
    fn no_two_letters_say_the_same() {
        let texts = ALL.into_iter().flat_map(|about| Language::ALL.map(|language| about.text(language)));
        let different: std::collections::BTreeSet<_> = texts.collect();
        assert_eq!(different.len(), ALL.len() * Language::ALL.len());
    }
}
