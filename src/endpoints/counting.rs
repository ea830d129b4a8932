//! What is counted about sign-ins.
use super::Endpoints;
use crate::account::{LoginError, RefreshError, RegisterError, SignedIn};

impl Endpoints {
    /// `method` is how somebody signed in.
    pub(super) fn count_login(&self, method: &'static str, outcome: &Result<SignedIn, LoginError>) {
        self.metrics.login(method, outcome.as_ref().map_or_else(LoginError::code, |_| SUCCESS));
        self.count_tokens(outcome.is_ok());
    }

    pub(super) fn count_registration(&self, outcome: &Result<Option<SignedIn>, RegisterError>) {
        self.metrics.registration(outcome.as_ref().map_or_else(RegisterError::code, |_| SUCCESS));
        self.count_tokens(matches!(outcome, Ok(Some(_))));
    }

    pub(super) fn count_refresh(&self, outcome: &Result<SignedIn, RefreshError>) {
        self.count_tokens(outcome.is_ok());
    }

    fn count_tokens(&self, issued: bool) {
        if issued {
            self.metrics.tokens_issued("access");
            self.metrics.tokens_issued("refresh");
        }
    }
}

const SUCCESS: &str = "success";
