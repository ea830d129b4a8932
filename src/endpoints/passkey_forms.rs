//! Passkeys on pages: a script has the device make or show one, and the page's own form sends what it said.
use super::account::{Answer, Part};
use super::passkeys::{Assertion, Attestation, Credential, UNNAMED, passkey_named};
use super::sign_in::Half;
use super::{Endpoints, form, source};
use crate::account::{Client, LoginError, PasskeyError, Source};
use crate::authz::Asks;
use crate::base::{Secret, SessionId};
use crate::pages::Account;
use crate::refusal::Refusal;
use crate::store::User;
use crate::wire::Inbound;

impl Endpoints {
    /// `POST {p}/passkeys/login/finish` by the page's form: the whole sign-in, or its second half.
    pub(super) async fn finish_passkey_login_by_form(&self, mut inbound: Inbound) -> Answer {
        let body = inbound.take_body();
        let mut form = form::page_form(inbound.headers(), body, self.body_timeout).await?;
        let return_to = self.return_to(form.take("return_to").as_ref());
        if let Err(not_ours) = self.check_form(&inbound, &mut form) {
            return Ok(self.sign_in_anew(&inbound, return_to.as_ref(), &Secret::new(String::new()), not_ours));
        }
        let half = Half::of(&mut form);
        let shown = form::object_in(form.take("credential").as_ref()).and_then(Credential::<Assertion>::read);
        let before = self.authenticator.recognise(&inbound, Asks::Anyone, self.clock.now()).await.ok();
        let from = Source { client: Client::Browser, ..source(&inbound) };
        let outcome = match shown {
            Ok(shown) => {
                let waiting = (!half.is_none()).then_some(&half.challenge);
                self.accounts.sign_in_with_passkey(&shown, waiting, &from).await
            }
            Err(_) => Err(LoginError::WrongPasskey),
        };
        self.count_login("passkey", &outcome);
        match outcome {
            Ok(signed_in) => self.let_in(before, return_to.as_ref(), &signed_in, &from).await,
            Err(error @ LoginError::WrongPasskey) if !half.is_none() => {
                Ok(self.code_page(&inbound, return_to.as_ref(), &half, Some(&error.into())))
            }
            Err(error) => Ok(self.form_again(&inbound, return_to.as_ref(), &Secret::new(String::new()), &error.into())),
        }
    }

    /// `POST {p}/passkeys/register/finish` by the page's form.
    pub(super) async fn finish_passkey_by_form(&self, mut inbound: Inbound) -> Answer {
        let Some((user, session, mut form)) = self.owners_form(&mut inbound).await? else {
            return Ok(self.sign_in_first());
        };
        let made = form::object_in(form.take("credential").as_ref()).and_then(Credential::<Attestation>::read);
        let Ok(made) = made else {
            return self.passkey_refused(&inbound, &user, session, Refusal::named("passkey_refused")).await;
        };
        let name = form.take("name");
        let name = name.as_ref().map_or(UNNAMED, Secret::expose);
        match self.accounts.add_passkey(&user, session, &made, name, &source(&inbound)).await {
            Ok(_) => Ok(self.account_done(Part::Passkeys)),
            Err(error) => self.passkey_refused(&inbound, &user, session, error.into()).await,
        }
    }

    /// `POST {p}/passkeys/{id}` by the page's form: another name, or with `remove` gone.
    pub(super) async fn passkey_by_form(&self, mut inbound: Inbound) -> Answer {
        let Some((user, session, mut form)) = self.owners_form(&mut inbound).await? else {
            return Ok(self.sign_in_first());
        };
        let Some(id) = passkey_named(&inbound) else { return Err(Refusal::named("no_route").into()) };
        let (password, source) = (form.take("password"), source(&inbound));
        let done = if form.take("remove").is_some() {
            self.accounts.remove_passkey(&user, session, id, password.as_ref(), &source).await
        } else {
            let name = form.take("name");
            self.accounts.rename_passkey(&user, session, id, name.as_ref().map_or("", Secret::expose)).await
        };
        match done {
            // One that is gone already, in another tab, is no longer on the page either.
            Ok(()) | Err(PasskeyError::Missing) => Ok(self.account_done(Part::Passkeys)),
            Err(error) => self.passkey_refused(&inbound, &user, session, error.into()).await,
        }
    }

    async fn passkey_refused(&self, inbound: &Inbound, user: &User, session: SessionId, refusal: Refusal) -> Answer {
        self.account_shown(inbound, user, session, Account::default(), Some((Part::Passkeys, refusal))).await
    }
}
