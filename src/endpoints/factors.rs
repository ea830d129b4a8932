//! The second factor on the account's page: added with a code of it, its recovery codes shown once, taken away. Whoever
//! changes it there shows the password.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Response, StatusCode};

use super::account::{Answer, Part};
use super::{Endpoints, source};
use crate::account::NewTotp;
use crate::base::{Secret, SessionId};
use crate::pages::{Account, NewFactor, RecoveryCodes};
use crate::refusal::{Refusal, own_page, refusal_page};
use crate::store::User;
use crate::wire::{Body, Inbound};

impl Endpoints {
    /// `POST {p}/mfa/totp` by the page's form: a new key, or with `remove` no second factor any more.
    pub(super) async fn totp_by_form(&self, mut inbound: Inbound) -> Answer {
        let Some((user, session, mut form)) = self.owners_form(&mut inbound).await? else {
            return Ok(self.sign_in_first());
        };
        let password = form.take("password").unwrap_or_else(nothing_typed);
        let source = source(&inbound);
        if form.take("remove").is_some() {
            return match self.accounts.remove_totp(&user, session, Some(&password), &source).await {
                Ok(()) => Ok(self.account_done(Part::SecondFactor)),
                Err(error) => self.factor_refused(&inbound, &user, session, error.into()).await,
            };
        }
        match self.accounts.begin_totp(&user, session, Some(&password), &source).await {
            Ok(made) => Ok(self.key_shown(&inbound, &made)),
            Err(error) => self.factor_refused(&inbound, &user, session, error.into()).await,
        }
    }

    /// `POST {p}/mfa/totp/confirm` by the page's form.
    pub(super) async fn confirm_totp_by_form(&self, mut inbound: Inbound) -> Answer {
        let Some((user, session, mut form)) = self.owners_form(&mut inbound).await? else {
            return Ok(self.sign_in_first());
        };
        let code = form.take("code").unwrap_or_else(nothing_typed);
        let refusal: Refusal = match self.accounts.confirm_totp(&user, session, &code, &source(&inbound)).await {
            Ok(codes) => return Ok(self.codes_shown(&inbound, &codes)),
            Err(error) => error.into(),
        };
        if matches!(refusal.name(), "second_factor_exists" | "no_second_factor" | "session_ended") {
            return self.factor_refused(&inbound, &user, session, refusal).await;
        }
        let token = self.form_token(&inbound);
        let page = NewFactor { csrf: &token.value, problem: Some(refusal.problem()), ..NewFactor::default() };
        let mut response = refusal_page(&refusal, self.draw(&page, &inbound));
        token.give(&mut response);
        Ok(response)
    }

    /// `POST {p}/mfa/recovery-codes` by the page's form.
    pub(super) async fn recovery_codes_by_form(&self, mut inbound: Inbound) -> Answer {
        let Some((user, session, mut form)) = self.owners_form(&mut inbound).await? else {
            return Ok(self.sign_in_first());
        };
        let password = form.take("password").unwrap_or_else(nothing_typed);
        match self.accounts.new_recovery_codes(&user, session, Some(&password), &source(&inbound)).await {
            Ok(codes) => Ok(self.codes_shown(&inbound, &codes)),
            Err(error) => self.factor_refused(&inbound, &user, session, error.into()).await,
        }
    }

    async fn factor_refused(&self, inbound: &Inbound, user: &User, session: SessionId, refusal: Refusal) -> Answer {
        self.account_shown(inbound, user, session, Account::default(), Some((Part::SecondFactor, refusal))).await
    }

    fn key_shown(&self, inbound: &Inbound, made: &NewTotp) -> Response<Body> {
        let token = self.form_token(inbound);
        let picture = Secret::new(format!("data:image/svg+xml;base64,{}", STANDARD.encode(made.picture.expose())));
        let page = NewFactor {
            csrf: &token.value,
            key: Some(made.key.expose()),
            picture: Some(picture.expose()),
            problem: None,
        };
        let mut response = own_page(StatusCode::OK, self.draw(&page, inbound));
        token.give(&mut response);
        response
    }

    fn codes_shown(&self, inbound: &Inbound, codes: &[Secret]) -> Response<Body> {
        let page = RecoveryCodes { codes: codes.iter().map(Secret::expose).collect() };
        own_page(StatusCode::OK, self.draw(&page, inbound))
    }
}

fn nothing_typed() -> Secret {
    Secret::new(String::new())
}
