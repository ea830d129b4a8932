//! What a password may be, and its one spelling.
use std::fmt;
use std::sync::Arc;

use unicode_normalization::{UnicodeNormalization, is_nfc};
use zeroize::Zeroizing;

use super::Settings;
use super::common::is_common;
use crate::base::Secret;

/// A password in its one spelling (NFC, as RFC 8265, section 4.2 has it), bounded, and wiped when the last holder lets it go.
/// Only [`Policy`] makes one, so what reaches the hasher was bounded before.
#[derive(Clone)]
pub(crate) struct Password(Arc<Zeroizing<String>>);

impl Password {
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn normalised(text: &str) -> Self {
        // Room for the longest that NFC can become, so that the text never moves and leaves no copy behind.
        let mut kept = Zeroizing::new(String::with_capacity(text.len() * NFC_GROWTH));
        if is_nfc(text) {
            kept.push_str(text);
        } else {
            kept.extend(text.nfc());
        }
        Self(Arc::new(kept))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// What the operator asks of passwords.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    min_length: usize,
    max_length: usize,
    block_common: bool,
}

impl Policy {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { min_length: settings.min_length, max_length: settings.max_length, block_common: settings.block_common }
    }

    /// Takes a password that somebody chooses. `names` are what the person is called: name, e-mail address, what they sign in with.
    pub(crate) fn check_new(&self, text: &Secret, names: &[&str]) -> Result<Password, WeakPassword> {
        let password = self.given(text).ok_or(WeakPassword::TooLong { max: self.max_length })?;
        if password.0.chars().count() < self.min_length {
            return Err(WeakPassword::TooShort { min: self.min_length });
        }
        let folded = Zeroizing::new(fold(&password.0));
        if names.iter().any(|name| holds(&folded, name)) {
            return Err(WeakPassword::HoldsName);
        }
        if self.block_common && is_common(&folded) {
            return Err(WeakPassword::Common);
        }
        Ok(password)
    }

    /// Takes a password that somebody signs in with. `None`: longer than any that could have been chosen, so it is wrong and is
    /// not even normalised, let alone hashed.
    pub(crate) fn given(&self, text: &Secret) -> Option<Password> {
        let text = text.expose();
        (text.len() <= self.max_length)
            .then(|| Password::normalised(text))
            .filter(|password| password.0.len() <= self.max_length)
    }
}

/// Why a password cannot be chosen; the words are shown to the person who chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WeakPassword {
    #[error("must have at least {min} characters")]
    TooShort { min: usize },
    #[error("must have at most {max} bytes")]
    TooLong { max: usize },
    #[error("must not hold your own name")]
    HoldsName,
    #[error("is one of the 100,000 most used passwords")]
    Common,
}

/// Whether a folded password holds a name. Short names stand in many words by chance, so only the whole password is compared.
fn holds(folded: &str, name: &str) -> bool {
    let name = fold(name);
    let local = name.split_once('@').map(|(local, _)| local);
    [Some(name.as_str()), local]
        .into_iter()
        .flatten()
        .filter(|name| !name.is_empty())
        .any(|name| folded == name || (name.chars().count() >= MIN_NAME_TO_SEEK && folded.contains(name)))
}

fn fold(text: &str) -> String {
    text.nfkc().flat_map(char::to_lowercase).collect()
}

const MIN_NAME_TO_SEEK: usize = 4;

/// NFC makes UTF-8 at most three times as long; U+1D160 is an example.
const NFC_GROWTH: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::Argon2Cost;

    fn policy() -> Policy {
        let settings = Settings {
            min_length: 8,
            max_length: 64,
            block_common: true,
            cost: Argon2Cost::default(),
            parallel_hashes: 1,
            hash_queue: 1,
        };
        Policy::new(&settings)
    }

    fn check(text: &str, names: &[&str]) -> Result<(), WeakPassword> {
        policy().check_new(&Secret::new(text.to_owned()), names).map(drop)
    }

    #[test]
    fn length_is_counted_in_characters_below_and_in_bytes_above() {
        assert_eq!(check("hunter2x", &[]), Ok(()));
        assert_eq!(check("hunter2", &[]), Err(WeakPassword::TooShort { min: 8 }));
        assert_eq!(check("пароль12", &[]), Ok(()));
        // Eight bytes, four letters: what counts is what a person sees.
        assert_eq!(check("éééé", &[]), Err(WeakPassword::TooShort { min: 8 }));
        assert_eq!(check(&"e\u{301}".repeat(7), &[]), Err(WeakPassword::TooShort { min: 8 }));
        assert_eq!(check(&"ab".repeat(32), &[]), Ok(()));
        assert_eq!(check(&"a".repeat(65), &[]), Err(WeakPassword::TooLong { max: 64 }));
        assert_eq!(check(&"é".repeat(33), &[]), Err(WeakPassword::TooLong { max: 64 }));
    }

    #[test]
    fn a_password_has_one_spelling_however_the_keyboard_composed_it() {
        let given = |text: &str| policy().given(&Secret::new(text.to_owned())).unwrap();
        assert_eq!(given("cafe\u{301} au lait").bytes(), given("café au lait").bytes());
        assert_ne!(given("cafe au lait").bytes(), given("café au lait").bytes());
        // Blanks, NUL and case are part of it.
        assert_eq!(given(" a\0B ").bytes(), b" a\0B ");
        assert_ne!(given("ﬁsh and chips").bytes(), given("fish and chips").bytes());
    }

    #[test]
    fn what_is_over_the_cap_is_not_taken_and_not_cut() {
        assert!(policy().given(&Secret::new("a".repeat(65))).is_none());
        assert!(policy().given(&Secret::new("a".repeat(100_000_000))).is_none());
        // Four bytes that NFC spells with twelve: over the cap only once normalised.
        assert!(policy().given(&Secret::new("\u{1d160}".repeat(16))).is_none());
    }

    #[test]
    fn a_password_must_not_hold_the_persons_name() {
        let names = ["Alice", "alice.doe@example.com", "Bo"];
        for weak in ["alice12345", "12345ALICE", "ＡＬＩＣＥ-2026", "Alice.Doe-2026", "xalice.doe@example.comx"] {
            assert_eq!(check(weak, &names), Err(WeakPassword::HoldsName), "{weak}");
        }
        assert_eq!(check("robotics-lab", &names), Ok(()));
        assert_eq!(check("correct horse", &["", "@"]), Ok(()));
        let short = Policy { min_length: 1, ..policy() };
        assert_eq!(short.check_new(&Secret::new("BO".to_owned()), &names).unwrap_err(), WeakPassword::HoldsName);
    }

    #[test]
    fn the_most_used_passwords_cannot_be_chosen_unless_the_operator_says_so() {
        for common in ["password", "Password1", "qwertyuiop", "ＰＡＳＳＷＯＲＤ", "iloveyou", "1234567890", "trustno1"]
        {
            assert_eq!(check(common, &[]), Err(WeakPassword::Common), "{common}");
        }
        assert_eq!(check("seven green bottles", &[]), Ok(()));
        let open = Policy { block_common: false, ..policy() };
        assert!(open.check_new(&Secret::new("password".to_owned()), &[]).is_ok());
        // It is no rule for signing in: who has such a password from before gets in.
        assert!(policy().given(&Secret::new("password".to_owned())).is_some());
    }

    #[test]
    fn a_password_does_not_print() {
        assert_eq!(format!("{:?}", policy().given(&Secret::new("hunter2".to_owned()))), "Some(Password(..))");
    }
}
