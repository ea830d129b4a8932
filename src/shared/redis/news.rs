//! What nodes tell each other.
use std::fmt;

use redis::{PushInfo, PushKind, Value};
use tokio::sync::mpsc;

use crate::base::{SessionId, Timestamp};
use crate::shared::Revocations;
use crate::store::Revocation;

/// Something was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// Tokens of a session. It may come twice, late, or after a later one: the further one counts.
    Session(Revocation),
    /// Something for which the order counts: the store has it.
    Look,
}

/// What is to be told.
pub(crate) type Outbox = mpsc::Receiver<News>;

impl News {
    /// What a message of another node holds; `None` where it is not one of ours.
    pub(super) fn of_push(push: &PushInfo) -> Option<Self> {
        let (PushKind::Message, [_, Value::BulkString(text)]) = (&push.kind, push.data.as_slice()) else { return None };
        Self::parse(std::str::from_utf8(text).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        if text == LOOK {
            return Some(Self::Look);
        }
        let mut words = text.split(' ');
        let session = SessionId::parse(words.next()?)?;
        let mut time = || Some(Timestamp::from_millis(words.next()?.parse().ok()?));
        let (not_before, expires_at) = (time()?, time()?);
        words.next().is_none().then_some(Self::Session(Revocation { session, not_before, expires_at }))
    }

    pub(super) fn heard(self, revocations: &Revocations) {
        if let Self::Session(revoked) = self {
            revocations.apply(&[revoked]);
        }
        revocations.look();
    }
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(Revocation { session, not_before, expires_at }) => {
                write!(f, "{session} {} {}", not_before.millis(), expires_at.millis())
            }
            Self::Look => f.write_str(LOOK),
        }
    }
}

const LOOK: &str = "look";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_read_back_and_nothing_else_is_news() {
        let now = Timestamp::from_seconds(1_790_000_000);
        let session = SessionId::new(now);
        let revoked = News::Session(Revocation { session, not_before: Revocation::FOR_EVER, expires_at: now });
        for news in [revoked, News::Look] {
            assert_eq!(News::parse(&news.to_string()), Some(news));
        }
        let long = format!("{revoked} 1");
        for wrong in
            ["", "Look", "a b c", &session.to_string(), &format!("{session} 1"), &format!("{session} 1 -1"), &long]
        {
            assert_eq!(News::parse(wrong), None, "{wrong}");
        }
    }
}
