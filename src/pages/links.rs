//! The pages behind the links of mails, and the second half of a sign-in.
use serde::Serialize;

use super::{Page, Problem};

/// `{p}/password/forgot`
#[derive(Debug, Default, Serialize)]
pub(crate) struct Forgot<'a> {
    pub(crate) csrf: &'a str,
    pub(crate) email: &'a str,
    #[serde(skip)]
    pub(crate) problem: Option<Problem>,
}

impl Page for Forgot<'_> {
    const TEMPLATE: &'static str = "forgot.html";

    fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }
}

/// `{p}/password/reset`, behind the link of a mail.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Reset<'a> {
    pub(crate) csrf: &'a str,
    pub(crate) token: &'a str,
    #[serde(skip)]
    pub(crate) problem: Option<Problem>,
}

impl Page for Reset<'_> {
    const TEMPLATE: &'static str = "reset.html";

    fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }
}

/// `{p}/verify-email`, behind the link of a mail: a button, so that programs which follow links use nothing up.
#[derive(Debug, Default, Serialize)]
pub(crate) struct VerifyEmail<'a> {
    pub(crate) csrf: &'a str,
    pub(crate) token: &'a str,
    #[serde(skip)]
    pub(crate) problem: Option<Problem>,
}

impl Page for VerifyEmail<'_> {
    const TEMPLATE: &'static str = "verify_email.html";

    fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }
}

/// A page that only says something: "mail_sent", "verify_sent", "verified", "password_set".
#[derive(Debug, Serialize)]
pub(crate) struct Notice {
    pub(crate) about: &'static str,
}

impl Page for Notice {
    const TEMPLATE: &'static str = "notice.html";
}

/// The code of a device, after the right password.
#[derive(Debug, Default, Serialize)]
pub(crate) struct SecondFactor<'a> {
    pub(crate) csrf: &'a str,
    /// Where the reader wanted to go; a path of this site.
    pub(crate) return_to: Option<&'a str>,
    /// Stands for the password that was right.
    pub(crate) challenge: &'a str,
    /// One of the reader's passkeys is as good as a code.
    pub(crate) passkey: bool,
    #[serde(skip)]
    pub(crate) problem: Option<Problem>,
}

impl Page for SecondFactor<'_> {
    const TEMPLATE: &'static str = "second_factor.html";

    fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }
}

/// The key of a second factor, to be put into an app and confirmed by a code of it.
#[derive(Default, Serialize)]
pub(crate) struct NewFactor<'a> {
    pub(crate) csrf: &'a str,
    /// To be typed. Nothing when the page is shown again: the app has it.
    pub(crate) key: Option<&'a str>,
    /// The same as a `data:` picture.
    pub(crate) picture: Option<&'a str>,
    #[serde(skip)]
    pub(crate) problem: Option<Problem>,
}

impl Page for NewFactor<'_> {
    const TEMPLATE: &'static str = "new_factor.html";

    fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }
}

/// Shown once.
#[derive(Serialize)]
pub(crate) struct RecoveryCodes<'a> {
    pub(crate) codes: Vec<&'a str>,
}

impl Page for RecoveryCodes<'_> {
    const TEMPLATE: &'static str = "recovery_codes.html";
}
