//! What a token is and where it fails, step by step: for the operator who asks, by the same way that every request takes.
use super::Tokens;
use super::dialect::Use;
use super::identity::Identity;
use super::verify::TokenError;
use crate::base::Timestamp;

/// One step on the way of a token, in the order they are taken. Form, key and claims are told of only when they fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Form,
    Key,
    Signature,
    Issuer,
    Audience,
    Claims,
    Expiry,
}

impl Step {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Claims => "claims",
            Self::Expiry => "expires",
        }
    }
}

/// How one step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) step: Step,
    pub(crate) good: bool,
    /// Escaped: may be printed as it is.
    pub(crate) words: String,
}

/// All steps up to the first that failed, and what came of it.
#[derive(Debug)]
pub(crate) struct Inspection {
    pub(crate) findings: Vec<Finding>,
    pub(crate) outcome: Result<Identity, TokenError>,
}

impl Tokens {
    /// Examines a token as [`Tokens::verify`] does and says what it saw.
    pub(crate) fn inspect(&self, token: &str, now: Timestamp) -> Inspection {
        let mut findings = Vec::new();
        let outcome = self.examine(token, Use::Access, now, &mut findings).map_err(|fault| {
            findings.push(Finding { step: fault.step(), good: false, words: fault.to_string() });
            fault.told_outside()
        });
        Inspection { findings, outcome }
    }
}

/// Who hears about passed steps. Words are made only for those who listen.
pub(super) trait Notes {
    fn passed(&mut self, step: Step, words: impl FnOnce() -> String);
}

impl Notes for () {
    fn passed(&mut self, _: Step, _: impl FnOnce() -> String) {}
}

impl Notes for Vec<Finding> {
    fn passed(&mut self, step: Step, words: impl FnOnce() -> String) {
        let words = words().escape_debug().to_string();
        self.push(Finding { step, good: true, words });
    }
}
