//! What somebody wants to be called, checked all at once.
use super::Identifier;
use crate::base::{Email, NameError, Username};
use crate::password::WeakPassword;
use crate::store::{Attributes, User};
use crate::token::Subject;

/// Something wrong with one field, in words for the person who filled it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldError {
    pub(crate) field: &'static str,
    /// "required", "invalid", "reserved" or "weak_password".
    pub(crate) code: &'static str,
    pub(crate) detail: String,
}

impl FieldError {
    pub(super) fn new(field: &'static str, code: &'static str, detail: String) -> Self {
        Self { field, code, detail }
    }

    pub(super) fn required(field: &'static str) -> Self {
        Self::new(field, "required", "is needed".to_owned())
    }

    pub(super) fn weak(field: &'static str, why: &WeakPassword) -> Self {
        Self::new(field, "weak_password", why.to_string())
    }
}

/// All that is kept beside somebody, together: every engine takes it, and so does a token that tells of it.
pub(super) fn check_attributes(attributes: &Attributes) -> Result<(), FieldError> {
    let size = serde_json::to_string(attributes).map_or(usize::MAX, |text| text.len());
    if size <= MAX_ATTRIBUTES {
        return Ok(());
    }
    Err(FieldError::new("attributes", "invalid", "are more than 16 KiB together".to_owned()))
}

const MAX_ATTRIBUTES: usize = 16 * 1024;

/// Names as they were sent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted<'a> {
    pub(super) username: Option<&'a str>,
    pub(super) email: Option<&'a str>,
    pub(super) name: Option<&'a str>,
}

/// Names as they are kept.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) username: Option<Username>,
    pub(super) email: Option<Email>,
    pub(super) name: Option<String>,
}

impl<'a> Wanted<'a> {
    /// The names that somebody has.
    pub(super) fn of(user: &'a User) -> Self {
        Self {
            username: user.username.as_ref().map(Username::as_str),
            email: user.email.as_ref().map(Email::as_str),
            name: user.name.as_deref(),
        }
    }

    /// Reads the names, and puts everything that is wrong into `errors`.
    /// What people sign in with must be there, and what their tokens name them by.
    pub(super) fn check(&self, identifier: Identifier, subject: Subject, errors: &mut Vec<FieldError>) -> Names {
        let needs_username = identifier == Identifier::Username || subject == Subject::Username;
        let no_email = self.email.is_none() && (identifier == Identifier::Email || subject == Subject::Email);
        let nothing = self.email.is_none() && !no_email;
        if self.username.is_none() && (needs_username || nothing) {
            errors.push(FieldError::required("username"));
        }
        if no_email {
            errors.push(FieldError::required("email"));
        }
        self.read(errors)
    }

    /// Reads what is there; nothing must be.
    pub(super) fn read(&self, errors: &mut Vec<FieldError>) -> Names {
        Names {
            username: read("username", self.username.map(Username::parse_new), errors),
            email: read("email", self.email.map(Email::parse), errors),
            name: display_name(self.name, errors),
        }
    }

    /// Whether the address is one that may make an account here.
    pub(super) fn check_domain(&self, allowed: &[String], errors: &mut Vec<FieldError>) {
        if allowed.is_empty() {
            return;
        }
        let domain = self.email.and_then(|email| email.rsplit_once('@')).map(|(_, domain)| domain.to_ascii_lowercase());
        match domain {
            Some(domain) if allowed.contains(&domain) => {}
            Some(_) => {
                let detail = format!("must be an address at {}", allowed.join(" or "));
                errors.push(FieldError::new("email", "invalid", detail));
            }
            None if errors.iter().any(|error| error.field == "email") => {}
            None => errors.push(FieldError::required("email")),
        }
    }

    /// What a password must not hold.
    pub(super) fn in_password(&self) -> Vec<&str> {
        let local = self.email.and_then(|email| email.split_once('@')).map(|(local, _)| local);
        // "Ann Lovelace" hides as well in what holds the one word as in what holds both.
        let words = self.name.unwrap_or_default().split(|letter: char| !letter.is_alphanumeric());
        [self.username, self.email, local, self.name].into_iter().flatten().chain(words).collect()
    }
}

fn read<T>(field: &'static str, parsed: Option<Result<T, NameError>>, errors: &mut Vec<FieldError>) -> Option<T> {
    match parsed? {
        Ok(value) => Some(value),
        Err(error) => {
            let code = if error == NameError::Reserved { "reserved" } else { "invalid" };
            errors.push(FieldError::new(field, code, error.to_string()));
            None
        }
    }
}

/// A name for people to read: any letters, without signs that move or hide text. Empty is none.
pub(super) fn display_name(name: Option<&str>, errors: &mut Vec<FieldError>) -> Option<String> {
    let name = name?.trim();
    if name.chars().count() > MAX_NAME || name.chars().any(disturbs) {
        let detail = format!("must be at most {MAX_NAME} characters, without control characters");
        errors.push(FieldError::new("name", "invalid", detail));
    }
    Some(name.to_owned()).filter(|name| !name.is_empty())
}

/// Control characters, line and paragraph separators, the marks that turn the direction of text, and what has no width at
/// all. The two joiners stay: Persian and families of emoji are written with them.
fn disturbs(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{061C}' | '\u{200B}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}' | '\u{2028}' | '\u{2029}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

const MAX_NAME: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wanted: Wanted<'_>, identifier: Identifier) -> Result<Names, Vec<(&'static str, &'static str)>> {
        let mut errors = vec![];
        let names = wanted.check(identifier, Subject::Id, &mut errors);
        if errors.is_empty() { Ok(names) } else { Err(errors.iter().map(|error| (error.field, error.code)).collect()) }
    }

    #[test]
    fn the_identifier_says_which_name_must_be_there() {
        let (ann, mail) = (Some("Ann"), Some("Ann@Example.com"));
        let only_name = Wanted { username: ann, ..Wanted::default() };
        let only_mail = Wanted { email: mail, ..Wanted::default() };
        assert!(check(only_name, Identifier::Username).is_ok() && check(only_name, Identifier::Either).is_ok());
        assert!(check(only_mail, Identifier::Email).is_ok() && check(only_mail, Identifier::Either).is_ok());
        assert_eq!(check(only_mail, Identifier::Username).unwrap_err(), [("username", "required")]);
        assert_eq!(check(only_name, Identifier::Email).unwrap_err(), [("email", "required")]);
        assert_eq!(check(Wanted::default(), Identifier::Either).unwrap_err(), [("username", "required")]);
    }

    #[test]
    fn what_tokens_name_people_by_must_be_there_too() {
        let named = Wanted { username: Some("ann"), ..Wanted::default() };
        let addressed = Wanted { email: Some("ann@example.com"), ..Wanted::default() };
        for (wanted, identifier, subject, missing) in [
            (named, Identifier::Username, Subject::Email, &["email"][..]),
            (addressed, Identifier::Email, Subject::Username, &["username"]),
            (addressed, Identifier::Either, Subject::Username, &["username"]),
            (named, Identifier::Either, Subject::Email, &["email"]),
            (Wanted::default(), Identifier::Either, Subject::Email, &["email"]),
            (Wanted::default(), Identifier::Username, Subject::Email, &["username", "email"]),
            (named, Identifier::Username, Subject::Username, &[]),
        ] {
            let mut errors = vec![];
            wanted.check(identifier, subject, &mut errors);
            let fields: Vec<_> = errors.iter().map(|error| error.field).collect();
            assert_eq!(fields, missing, "{wanted:?} {identifier:?} {subject:?}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let wanted = Wanted { username: Some("root"), email: Some("a@b@c"), name: Some("Ann\u{202e}nnA") };
        let wrong = check(wanted, Identifier::Username).unwrap_err();
        assert_eq!(wrong, [("username", "reserved"), ("email", "invalid"), ("name", "invalid")]);
        for name in ["ali\0ce", "alice ", "\talice", "a\r\nb", "", "аlice", "ﬁn", "a@b.de", "' OR 1=1--"] {
            let wanted = Wanted { username: Some(name), ..Wanted::default() };
            assert_eq!(check(wanted, Identifier::Username).unwrap_err(), [("username", "invalid")], "{name:?}");
        }
    }

    #[test]
    fn a_display_name_may_have_any_letters() {
        let wanted = Wanted { username: Some("zoe"), email: None, name: Some("  Zoë Ångström 李 ") };
        assert_eq!(check(wanted, Identifier::Username).unwrap().name.as_deref(), Some("Zoë Ångström 李"));
        let blank = Wanted { username: Some("zoe"), email: None, name: Some("  ") };
        assert_eq!(check(blank, Identifier::Username).unwrap().name, None);
        for hides in
            ["an\u{200b}n", "\u{61c}ann\u{61c}x", "an\u{2060}n", "a\u{feff}nn", "ann\u{2028}x", "ann\r\nBcc: x"]
        {
            let wanted = Wanted { username: Some("ann"), email: None, name: Some(hides) };
            assert_eq!(check(wanted, Identifier::Username).unwrap_err(), [("name", "invalid")], "{hides:?}");
        }
        let joined = Wanted { username: Some("ann"), email: None, name: Some("\u{1f469}\u{200d}\u{1f680}") };
        assert!(check(joined, Identifier::Username).is_ok(), "an astronaut");
    }
}
