//! One plain struct for each page.
use serde::Serialize;

use super::{Language, Problem};

/// What a template is filled with.
pub(crate) trait Page: Serialize {
    const TEMPLATE: &'static str;

    /// What went wrong with the form on it.
    fn problem(&self) -> Option<&Problem> {
        None
    }

    /// The one language it is written in, whatever the reader likes.
    fn language(&self) -> Option<Language> {
        None
    }
}

/// `{p}/login`
#[derive(Debug, Default, Serialize)]
pub(crate) struct SignIn<'a> {
    pub(crate) csrf: &'a str,
    /// Where the reader wanted to go; a path of this site.
    pub(crate) return_to: Option<&'a str>,
    /// The name that was typed; it stays after an error.
    pub(crate) name: &'a str,
    /// The reader is known, and is asked for the password again.
    pub(crate) only_password: bool,
    #[serde(skip)]
    pub(crate) problem: Option<Problem>,
}

impl Page for SignIn<'_> {
    const TEMPLATE: &'static str = "sign_in.html";

    fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }
}

/// `{p}/register`
#[derive(Debug, Default, Serialize)]
pub(crate) struct SignUp<'a> {
    pub(crate) csrf: &'a str,
    pub(crate) return_to: Option<&'a str>,
    pub(crate) username: &'a str,
    pub(crate) email: &'a str,
    /// Of the link that was followed.
    pub(crate) invite: Option<&'a str>,
    #[serde(skip)]
    pub(crate) problem: Option<Problem>,
}

impl Page for SignUp<'_> {
    const TEMPLATE: &'static str = "sign_up.html";

    fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }
}

/// A "no" for somebody who opens a page.
#[derive(Debug, Serialize)]
pub(crate) struct Refused<'a> {
    pub(crate) status: u16,
    /// The stable code.
    pub(crate) code: &'static str,
    /// Which of the texts tells of it: "not_found".
    pub(crate) about: &'static str,
    /// For the operator, who finds the log line by it.
    pub(crate) request_id: &'a str,
    /// As whom the reader is signed in.
    pub(crate) who: Option<&'a str>,
    /// The page that somebody else may be let in to.
    pub(crate) other_place: Option<&'a str>,
    #[serde(skip)]
    pub(crate) problem: Option<Problem>,
}

impl Page for Refused<'_> {
    const TEMPLATE: &'static str = "refused.html";

    fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }
}

/// `{p}/account`: everything a person may change about themselves, a form for each.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Account<'a> {
    pub(crate) csrf: &'a str,
    /// What the reader signs in with.
    pub(crate) who: &'a str,
    pub(crate) name: &'a str,
    pub(crate) email: &'a str,
    pub(crate) sessions: Vec<SignedIn>,
    /// A code of a device is asked for at each sign-in.
    pub(crate) totp: bool,
    pub(crate) recovery_codes: i64,
    pub(crate) passkeys: Vec<OwnPasskey>,
    /// The sign-in is young enough to change them.
    pub(crate) fresh: bool,
    /// Which form has just been obeyed: "names", "password", "second_factor", "passkeys" or "sessions".
    pub(crate) done: Option<&'static str>,
    /// Which form the problem is about.
    pub(crate) wrong_in: &'static str,
    #[serde(skip)]
    pub(crate) problem: Option<Problem>,
}

/// One place where the reader is signed in.
#[derive(Debug, Serialize)]
pub(crate) struct SignedIn {
    pub(crate) id: String,
    pub(crate) device: Option<String>,
    pub(crate) ip: Option<String>,
    pub(crate) last_seen: Moment,
    pub(crate) current: bool,
}

/// One passkey of the reader.
#[derive(Debug, Serialize)]
pub(crate) struct OwnPasskey {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) added: Moment,
    pub(crate) last_used: Option<Moment>,
}

/// A time as RFC 3339 has it, and as every language reads it.
#[derive(Debug, Serialize)]
pub(crate) struct Moment {
    pub(crate) exact: String,
    pub(crate) words: String,
}

impl Page for Account<'_> {
    const TEMPLATE: &'static str = "account.html";

    fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }
}

/// `{p}/errors`: every code with its cure, for those who write clients.
#[derive(Debug, Serialize)]
pub(crate) struct Errors {
    pub(crate) codes: Vec<ErrorCode>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ErrorCode {
    pub(crate) name: &'static str,
    pub(crate) status: u16,
    pub(crate) title: &'static str,
    pub(crate) cure: &'static str,
}

impl Page for Errors {
    const TEMPLATE: &'static str = "errors.html";

    fn language(&self) -> Option<Language> {
        Some(Language::English)
    }
}
