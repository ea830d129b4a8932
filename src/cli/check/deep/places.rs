//! What is dialled: each address of each upstream, the store, what nodes share beside it, and the mail server.
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::certificates::until;
use super::{Look, PATIENCE, Verdict, millis, url};
use crate::base::Clock;
use crate::config::{Effective, Loaded};
use crate::mail;
use crate::observe::Chain;
use crate::proxy::{self, Looked, Settings as Upstream};
use crate::shared::{Redis, RedisAddress};
use crate::store::{self, Migrate, StoreError, Tables};

/// Something to dial.
pub(super) type Place = Pin<Box<dyn Future<Output = Look> + Send>>;

pub(super) fn all(loaded: &Loaded) -> Vec<Place> {
    let config = &loaded.config;
    let mut places: Vec<Place> = Vec::new();
    let mut seen: Vec<(String, &Upstream)> = Vec::new();
    for upstream in &config.upstreams {
        for (at, address) in upstream.addresses.iter().enumerate() {
            let name = url(address, upstream);
            // Two upstreams may lead to one place in one way.
            if seen.iter().any(|(other, same)| *other == name && is_dialled_alike(same, upstream)) {
                continue;
            }
            seen.push((name.clone(), upstream));
            places.push(Box::pin(backend(name, upstream.clone(), at)));
        }
    }
    let login = Login::of(loaded, "[store]");
    places.push(Box::pin(tables(config.store.clone(), config.migrate, login)));
    places.extend(config.sessions.redis.clone().map(|address| Box::pin(shared(address)) as Place));
    let server = config.mail.server.clone();
    let login = Login::of(loaded, "[mail]");
    places.extend(server.map(|server| Box::pin(letters(server, config.mail.from.clone(), login)) as Place));
    places
}

fn is_dialled_alike(one: &Upstream, other: &Upstream) -> bool {
    let health = |settings: &Upstream| settings.health.as_ref().map(|check| check.path.clone());
    one.tls == other.tls && health(one) == health(other)
}

async fn backend(name: String, settings: Upstream, at: usize) -> Look {
    let looked = match proxy::look(&settings, at, PATIENCE).await {
        Ok(looked) => looked,
        Err(why) => return Look::new("upstream", name, Verdict::Failed, why.words()).cure(why.cure()),
    };
    let Looked { took, until: ends, healthy } = looked;
    let health = if healthy { ", passes its health check" } else { "" };
    let answered = format!("{}{health}", answered(took));
    let look = match ends.map(|ends| until(ends, Clock::system().now())) {
        Some((Verdict::Fine, left)) => {
            Look::new("upstream", name, Verdict::Fine, format!("{answered}, certificate {left}"))
        }
        // The handshake says whether it counts: with `verify_tls = false` it need not.
        Some((Verdict::Doubtful | Verdict::Failed, left)) => {
            Look::new("upstream", name, Verdict::Doubtful, format!("{answered}, certificate {left}"))
                .cure("renew it there".to_owned())
        }
        None => Look::new("upstream", name, Verdict::Fine, answered),
    };
    look.took(took)
}

async fn tables(settings: store::Settings, migrate: Migrate, login: Login) -> Look {
    let begun = Instant::now();
    let looked = timeout(PATIENCE, store::look(&settings, migrate)).await.unwrap_or(Err(StoreError::Slow));
    let took = begun.elapsed();
    let fine =
        |words: &str| Look::new("store", settings.to_string(), Verdict::Fine, format!("{}, {words}", answered(took)));
    match looked {
        Ok(Tables::NoFile) => Look::new("store", settings.to_string(), Verdict::Doubtful, "is not there yet")
            .cure("the first `authgate run` makes it".to_owned()),
        Ok(Tables::Empty) => fine("no tables yet: the first `authgate run` makes them").took(took),
        Ok(Tables::Current(version)) => fine(&format!("tables of version {version}")).took(took),
        Ok(Tables::Older { found, wanted }) => {
            fine(&format!("tables of version {found}: the next `authgate run` brings them to {wanted}")).took(took)
        }
        Err(why) => {
            let words = why.said().map_or_else(|| Chain(&why).to_string(), str::to_owned);
            let cure = if why.refuses_login() { Some(login.to_string()) } else { None };
            Look::new("store", settings.to_string(), Verdict::Failed, words).cure(cure)
        }
    }
}

async fn shared(address: RedisAddress) -> Look {
    let (name, begun) = (format!("{address:?}"), Instant::now());
    match timeout(PATIENCE, Redis::look(&address)).await {
        Ok(Ok(())) => Look::new("shared", name, Verdict::Fine, answered(begun.elapsed())).took(begun.elapsed()),
        Ok(Err(why)) => Look::new("shared", name, Verdict::Failed, Chain(&why).to_string()),
        Err(_) => Look::new("shared", name, Verdict::Failed, "no answer in time"),
    }
}

async fn letters(server: mail::Server, from: mail::Mailbox, login: Login) -> Look {
    let begun = Instant::now();
    match server.look(&from, PATIENCE).await {
        Ok(()) => Look::new("mail", server.shown(), Verdict::Fine, answered(begun.elapsed())).took(begun.elapsed()),
        Err(why) => {
            let cure = if why.refuses_login() { Some(login.to_string()) } else { None };
            Look::new("mail", server.shown(), Verdict::Failed, Chain(&why).to_string()).cure(cure)
        }
    }
}

fn answered(took: Duration) -> String {
    format!("answered in {:.1} ms", millis(took))
}

/// Where a password came from, in words that hold nothing of it.
#[derive(Debug)]
enum Login {
    Beside(String),
    /// It may stand in the address.
    InUrl {
        place: String,
        section: &'static str,
    },
}

impl Login {
    fn of(loaded: &Loaded, section: &'static str) -> Self {
        let one = |key: &str| loaded.effective.iter().find(|one| one.section == section && one.key == key);
        match one("password").and_then(|password| password.about.as_ref()) {
            Some(about) => Self::Beside(about.to_string()),
            None => Self::InUrl { place: one("url").map(place).unwrap_or_default(), section },
        }
    }
}

impl std::fmt::Display for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Beside(about) => write!(f, "the password came from {about}"),
            Self::InUrl { place, section } => {
                write!(
                    f,
                    "who signs in stands in `url` ({place}); `password` of {section} takes one that needs no escaping"
                )
            }
        }
    }
}

fn place(one: &Effective) -> String {
    one.origin.to_string()
}
