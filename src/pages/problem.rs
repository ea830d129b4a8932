//! What went wrong with a form, in the reader's words.
use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::texts::Words;
use super::{House, SignInWith};

/// What a page says about the form that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The refusal's stable code.
    pub(crate) code: &'static str,
    /// How long one waits before the next try.
    pub(crate) wait: Option<Duration>,
    pub(crate) fields: Vec<Wrong>,
}

/// One field that is not right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) field: &'static str,
    /// "required", "invalid", "reserved", "weak_password"
    pub(crate) code: &'static str,
}

/// The same in words.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    text: String,
    wait: Option<String>,
    fields: BTreeMap<&'static str, String>,
}

impl Problem {
    pub(super) fn words(&self, words: &Words, house: &House) -> Told {
        let text = words.say_of("problem", &[self.code, house.sign_in_with.word()]);
        let fields = self.fields.iter().map(|wrong| {
            let text = words.say_of("field", &[wrong.code, wrong.field]);
            (wrong.field, text.replace("{min}", &house.min_password.to_string()))
        });
        Told { text, wait: self.wait.map(|wait| waiting(words, wait)), fields: fields.collect() }
    }
}

impl SignInWith {
    const fn word(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Email => "email",
            Self::Either => "either",
        }
    }
}

impl Words {
    /// The text of the longest key of these parts that there is: "problem_CODE_WORD", "problem_CODE", "problem".
    fn say_of(&self, start: &str, parts: &[&str]) -> String {
        let mut keys = (0..=parts.len())
            .rev()
            .map(|many| parts.iter().take(many).fold(start.to_owned(), |key, part| format!("{key}_{part}")));
        let found = keys.find(|key| self.has(key)).unwrap_or_else(|| start.to_owned());
        self.say(&found).to_owned()
    }
}

/// "Try again in 40 seconds.", rounded up so that it is true: to ten seconds, and beyond two minutes to whole ones.
fn waiting(words: &Words, wait: Duration) -> String {
    let seconds = u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX).clamp(1, 86_400);
    if seconds <= 120 {
        words.counted("wait_seconds", seconds.div_ceil(10) * 10)
    } else {
        words.counted("wait_minutes", seconds.div_ceil(60))
    }
}
