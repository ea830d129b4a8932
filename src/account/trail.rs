//! What is written down about who did what.
use std::net::IpAddr;

use super::{Client, People};
use crate::base::SessionId;
use crate::observe::{Action, Event};
use crate::store::User;

/// Where a wish comes from.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Source<'a> {
    /// `None` for the command line and for a unix socket.
    pub(crate) ip: Option<IpAddr>,
    pub(crate) user_agent: Option<&'a str>,
    pub(crate) request_id: Option<&'a str>,
    /// The languages that whoever asks reads (`Accept-Language`): letters are written in one of them.
    pub(crate) languages: Option<&'a str>,
    /// What a session that begins with it is known by.
    pub(crate) client: Client,
}

impl Source<'_> {
    /// The user agent as it is kept: bounded, and without what could disturb a terminal.
    pub(super) fn kept_user_agent(&self) -> Option<String> {
        let kept: String = self.user_agent?.chars().filter(|letter| !letter.is_control()).take(MAX_AGENT).collect();
        Some(kept).filter(|kept| !kept.is_empty())
    }
}

/// The same, kept for what is done after the answer.
#[derive(Debug, Clone, Default)]
pub(super) struct KeptSource {
    ip: Option<IpAddr>,
    request_id: Option<String>,
    languages: Option<String>,
}

impl Source<'_> {
    pub(super) fn kept(&self) -> KeptSource {
        KeptSource {
            ip: self.ip,
            request_id: self.request_id.map(str::to_owned),
            languages: self.languages.map(|languages| languages.chars().take(MOST_LANGUAGES).collect()),
        }
    }
}

impl KeptSource {
    pub(super) fn lent(&self) -> Source<'_> {
        Source {
            ip: self.ip,
            request_id: self.request_id.as_deref(),
            languages: self.languages.as_deref(),
            ..Source::default()
        }
    }
}

/// One event, filled in as it becomes known.
#[derive(Debug)]
pub(super) struct Entry<'a>(Event<'a>);

impl<'a> Entry<'a> {
    pub(super) fn new(action: Action, source: &Source<'a>) -> Self {
        Self(Event { ip: source.ip, request_id: source.request_id, ..Event::new(action) })
    }

    pub(super) fn about(self, user: Option<&'a User>) -> Self {
        Self(Event { user: user.map(|user| user.id), name: user.and_then(User::label), ..self.0 })
    }

    pub(super) fn session(self, session: SessionId) -> Self {
        Self(Event { session: Some(session), ..self.0 })
    }

    pub(super) fn refused(self, code: Option<&'static str>) -> Self {
        Self(Event { refused: code, ..self.0 })
    }

    pub(super) fn detail(self, words: &'a str) -> Self {
        Self(Event { detail: Some(words).filter(|words| !words.is_empty()), ..self.0 })
    }

    pub(super) fn record(self, people: &People) {
        people.audit.record(&self.0);
    }
}

const MAX_AGENT: usize = 256;
/// As many as are read.
const MOST_LANGUAGES: usize = 256;
