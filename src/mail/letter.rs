//! What a letter says. The texts stand in plain files, one folder for each language.
use std::fmt;

use crate::base::{Email, Secret};

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
    pub(crate) fn new(to: &Email, about: Subject, site: &str, link: &str) -> Self {
        let (subject, text) = about.text().split_once("\n\n").unwrap_or_default();
        let fill = |text: &str| text.replace("{site}", site).replace("{link}", link);
        Self { to: to.clone(), subject: fill(subject), text: Secret::new(fill(text)) }
    }
}

impl Subject {
    /// The subject, an empty line, the text.
    const fn text(self) -> &'static str {
        match self {
            Self::NewPassword => include_str!("texts/en/new_password.txt"),
            Self::ConfirmAddress => include_str!("texts/en/confirm_address.txt"),
            Self::AccountExists => include_str!("texts/en/account_exists.txt"),
            Self::NameTaken => include_str!("texts/en/name_taken.txt"),
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

    #[test]
    fn every_text_has_a_subject_and_its_places_are_filled() {
        let to = Email::parse("ann@example.com").unwrap();
        for about in [Subject::NewPassword, Subject::ConfirmAddress, Subject::AccountExists, Subject::NameTaken] {
            let letter = Letter::new(&to, about, "https://app.example.com", "https://app.example.com/auth/x?token=t");
            let text = letter.text.expose();
            assert!(!letter.subject.is_empty() && !letter.subject.contains('\n'), "{about:?}");
            assert!(text.contains("https://app.example.com/auth/x?token=t"), "{text}");
            assert!(!text.contains(['{', '}']) && text.ends_with('\n'), "{text}");
            assert!(text.lines().all(|line| line.len() <= 78), "{text}");
            assert!(!format!("{letter:?}").contains("token"));
        }
    }
}
