//! `{p}/account`: what a person with a browser sees and changes of the own account, by one form each.
use http::{Response, StatusCode};

use super::browser::redirect;
use super::form::Pairs;
use super::sessions::{away, refused};
use super::{Endpoints, form, source};
use crate::account::Wish;
use crate::base::{Email, Secret, SessionId, Timestamp, Username};
use crate::pages::{Account, Moment, OwnPasskey, Problem, SignedIn, device};
use crate::refusal::{Refusal, own_page, refusal_page};
use crate::store::{Passkey, Session, User};
use crate::wire::{Body, Inbound};

pub(super) type Answer = Result<Response<Body>, super::Problem>;

/// Which form of the page is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Names,
    Password,
    SecondFactor,
    Passkeys,
    Sessions,
}

impl Part {
    const ALL: [Self; 5] = [Self::Names, Self::Password, Self::SecondFactor, Self::Passkeys, Self::Sessions];

    const fn word(self) -> &'static str {
        match self {
            Self::Names => "names",
            Self::Password => "password",
            Self::SecondFactor => "second_factor",
            Self::Passkeys => "passkeys",
            Self::Sessions => "sessions",
        }
    }
}

/// The rest is saved; the address becomes theirs with the link that was sent there.
const LINK_SENT: &str = "address";

impl Endpoints {
    /// The page; who is not signed in is shown the sign-in page first.
    pub(super) async fn account_page(&self, inbound: &Inbound) -> Answer {
        let Some((user, session)) = self.owner(inbound).await? else { return Ok(self.sign_in_first()) };
        let mut query = Pairs::of_query(inbound.path().query().unwrap_or_default());
        let done = query.take("done");
        let mut words = Part::ALL.into_iter().map(Part::word).chain([LINK_SENT]);
        let done = words.find(|word| done.as_ref().is_some_and(|done| done.expose() == *word));
        let page = Account { done, ..Account::default() };
        self.account_shown(inbound, &user, session, page, None).await
    }

    /// `POST {p}/account`: the names.
    pub(super) async fn change_names(&self, mut inbound: Inbound) -> Answer {
        let Some((user, session, mut form)) = self.owners_form(&mut inbound).await? else {
            return Ok(self.sign_in_first());
        };
        let (name, email) = (form.take("name"), form.take("email"));
        let name = name.as_ref().map_or("", Secret::expose);
        let wish = Wish { username: None, email: email.as_ref().map(Secret::expose), name: Some(name) };
        let password = form.take("password").filter(|password| !password.expose().is_empty());
        match self.accounts.change(&user, session, &wish, password.as_ref(), &source(&inbound)).await {
            Ok(changed) if changed.pending.is_some() => Ok(self.account_said(LINK_SENT)),
            Ok(_) => Ok(self.account_done(Part::Names)),
            Err(error) => {
                let page = Account { name, email: wish.email.unwrap_or_default(), ..Account::default() };
                self.account_shown(&inbound, &user, session, page, Some((Part::Names, error.into()))).await
            }
        }
    }

    /// `POST {p}/password` by the page's form.
    pub(super) async fn change_password_by_form(&self, mut inbound: Inbound) -> Answer {
        let Some((user, session, mut form)) = self.owners_form(&mut inbound).await? else {
            return Ok(self.sign_in_first());
        };
        let mut secret = |name| form.take(name).unwrap_or_else(|| Secret::new(String::new()));
        let (current, new) = (secret("current_password"), secret("new_password"));
        match self.accounts.change_password(&user, session, &current, &new, &source(&inbound)).await {
            Ok(()) => Ok(self.account_done(Part::Password)),
            Err(error) => {
                let wrong = Some((Part::Password, error.into()));
                self.account_shown(&inbound, &user, session, Account::default(), wrong).await
            }
        }
    }

    /// `POST {p}/sessions/{id}` by the page's form: signs out there.
    pub(super) async fn end_session_by_form(&self, mut inbound: Inbound) -> Answer {
        let Some((user, session, _)) = self.owners_form(&mut inbound).await? else {
            return Ok(self.sign_in_first());
        };
        let id = inbound.path().as_str().rsplit('/').next().and_then(SessionId::parse);
        if let Some(id) = id {
            // One that is over already is what was wanted.
            self.accounts.end_session(&user, session, id, &source(&inbound)).await.map_err(refused)?;
        }
        Ok(self.account_done(Part::Sessions))
    }

    /// `POST {p}/logout-all` by the page's form.
    pub(super) async fn logout_all_by_form(&self, mut inbound: Inbound) -> Answer {
        let Some((user, session, _)) = self.owners_form(&mut inbound).await? else {
            return Ok(self.sign_in_first());
        };
        self.accounts.logout_all(&user, session, false, &source(&inbound)).await.map_err(refused)?;
        let mut response = redirect(&format!("{}/login", self.prefix));
        self.take_session(&mut response, &inbound);
        Ok(response)
    }

    /// Whose browser this is.
    async fn owner(&self, inbound: &Inbound) -> Result<Option<(User, SessionId)>, super::Problem> {
        or_nobody(self.person(inbound).await)
    }

    /// The same with the form, which came from one of our own pages.
    pub(super) async fn owners_form(
        &self,
        inbound: &mut Inbound,
    ) -> Result<Option<(User, SessionId, Pairs)>, super::Problem> {
        let sent = self.person_with(inbound, form::page_form).await;
        let Some((user, session, mut form)) = or_nobody(sent)? else { return Ok(None) };
        self.check_form(inbound, &mut form)?;
        Ok(Some((user, session, form)))
    }

    pub(super) async fn account_shown(
        &self,
        inbound: &Inbound,
        user: &User,
        current: SessionId,
        page: Account<'_>,
        wrong: Option<(Part, Refusal)>,
    ) -> Answer {
        // It ended while it was asked in: the account is no longer this browser's to see.
        if wrong.as_ref().is_some_and(|(_, refusal)| refusal.name() == "session_ended") {
            return Ok(self.sign_in_first());
        }
        let sessions = self.accounts.sessions(user.id).await.map_err(|error| away(&error))?;
        let factors = self.accounts.factors(user.id).await.map_err(|error| away(&error))?;
        let passkeys = self.accounts.passkeys(user.id).await.map_err(|error| away(&error))?;
        let here = sessions.iter().find(|session| session.id == current);
        let token = self.form_token(inbound);
        let (username, email) = (user.username.as_ref().map(Username::as_str), user.email.as_ref().map(Email::as_str));
        let (name, address) = (user.name.as_deref().unwrap_or_default(), email.unwrap_or_default());
        let typed = matches!(wrong, Some((Part::Names, _)));
        let page = Account {
            csrf: &token.value,
            who: username.or(email).unwrap_or_default(),
            name: if typed { page.name } else { name },
            email: if typed { page.email } else { address },
            sessions: sessions.iter().map(|session| row(session, current)).collect(),
            totp: factors.totp,
            recovery_codes: factors.recovery_codes,
            passkeys: passkeys.iter().map(own_passkey).collect(),
            fresh: here.is_some_and(|session| self.accounts.is_fresh(session)),
            wrong_in: wrong.as_ref().map_or("", |(part, _)| part.word()),
            problem: wrong.as_ref().map(|(part, refusal)| problem(*part, refusal)),
            done: page.done,
        };
        let html = self.draw(&page, inbound);
        let mut response = match &wrong {
            Some((_, refusal)) => refusal_page(refusal, html),
            None => own_page(StatusCode::OK, html),
        };
        token.give(&mut response);
        Ok(response)
    }

    pub(super) fn account_done(&self, part: Part) -> Response<Body> {
        self.account_said(part.word())
    }

    fn account_said(&self, word: &str) -> Response<Body> {
        redirect(&format!("{}/account?done={word}", self.prefix))
    }

    pub(super) fn sign_in_first(&self) -> Response<Body> {
        redirect(&format!("{0}/login?return_to={0}/account", self.prefix))
    }
}

/// Who is not signed in is nobody.
fn or_nobody<T>(owner: Result<T, super::Problem>) -> Result<Option<T>, super::Problem> {
    match owner {
        Ok(owner) => Ok(Some(owner)),
        Err(super::Problem::Refused(refusal)) if refusal.status() == StatusCode::UNAUTHORIZED => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// A password that is not right is the current one here: nobody asks for a name.
fn problem(part: Part, refusal: &Refusal) -> Problem {
    let problem = refusal.problem();
    if matches!(part, Part::Names | Part::Password | Part::SecondFactor) && problem.code == "invalid_credentials" {
        return Problem { code: "current_password", ..problem };
    }
    problem
}

fn row(session: &Session, current: SessionId) -> SignedIn {
    SignedIn {
        id: session.id.to_string(),
        device: session.user_agent.as_deref().and_then(device),
        ip: session.ip.as_ref().map(ToString::to_string),
        last_seen: moment(session.last_seen_at),
        current: session.id == current,
    }
}

fn own_passkey(passkey: &Passkey) -> OwnPasskey {
    OwnPasskey {
        id: passkey.id.to_string(),
        name: passkey.name.clone(),
        added: moment(passkey.created_at),
        last_used: passkey.last_used_at.map(moment),
    }
}

/// "2026-11-22T19:40:05.123Z", and its minute in the order that every language reads.
fn moment(time: Timestamp) -> Moment {
    let exact = time.to_string();
    let words = exact.get(..16).map(|minute| format!("{} UTC", minute.replace('T', " ")));
    Moment { words: words.unwrap_or_default(), exact }
}
