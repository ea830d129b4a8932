//! A Redis or a Valkey that all nodes share: it counts for all of them, and carries from one to the others what was revoked.
//!
//! It is a help and never the truth: what was revoked stands in the store, and each node counts for itself as well. While it
//! is away, nobody waits for it.
mod address;
mod news;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, PushInfo, PushKind, RedisError, Script};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

pub(crate) use address::{BadRedis, RedisAddress};
pub(crate) use news::{News, Outbox};

use super::Revocations;
use super::counts::{Asked, Bucket, Counts, Taken};

/// The way there. One connection is used by all requests and made again when it was lost.
pub(crate) struct Redis {
    client: Client,
    channel: String,
    link: ArcSwapOption<Link>,
    take: Script,
    give_back: Script,
}

/// A connection that works, as far as anybody knows.
struct Link {
    connection: MultiplexedConnection,
    lost: CancellationToken,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Away {
    #[error(transparent)]
    Bad(#[from] BadRedis),
    #[error("it refuses")]
    Refused(#[from] RedisError),
    #[error("it does not answer in time")]
    Slow,
}

impl Redis {
    pub(crate) fn at(address: &RedisAddress) -> Result<Arc<Self>, BadRedis> {
        // Databases of one server have no channels of their own.
        let channel = format!("authgate:{}:revoked", address.info.redis_settings().db());
        let client = Client::open(address.info.clone()).map_err(|_| BadRedis)?;
        Ok(Arc::new(Self {
            client,
            channel,
            link: ArcSwapOption::empty(),
            take: Script::new(TAKE),
            give_back: Script::new(GIVE_BACK),
        }))
    }

    /// Connects as a gateway would, and leaves.
    pub(crate) async fn look(address: &RedisAddress) -> Result<(), Away> {
        let redis = Self::at(address)?;
        redis.connect(mpsc::channel(HEARD).0).await.map(drop)
    }

    /// Does it answer?
    pub(crate) fn is_here(&self) -> bool {
        self.link.load().is_some()
    }

    /// Keeps the connection until `stop`, tells the others what `outbox` holds and hears what they tell.
    pub(crate) async fn follow(
        self: Arc<Self>,
        mut outbox: Outbox,
        revocations: Arc<Revocations>,
        stop: CancellationToken,
    ) {
        stop.run_until_cancelled(async {
            let mut said = Said::Nothing;
            loop {
                let (heard, inbox) = mpsc::channel(HEARD);
                let why = match self.connect(heard).await {
                    Ok(link) => {
                        said.here();
                        self.link.store(Some(Arc::clone(&link)));
                        // What was told while nobody listened.
                        revocations.look();
                        let why = self.serve(&link, inbox, &mut outbox, &revocations).await;
                        self.link.store(None);
                        why
                    }
                    Err(why) => why,
                };
                said.away(&why);
                sleep(AGAIN).await;
            }
        })
        .await;
    }

    /// A connection that hears the others and has shown that it can count.
    async fn connect(&self, heard: mpsc::Sender<News>) -> Result<Arc<Link>, Away> {
        let lost = CancellationToken::new();
        let gone = lost.clone();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(PATIENCE))
            .set_push_sender(move |push: PushInfo| {
                if push.kind == PushKind::Disconnection {
                    gone.cancel();
                } else if let Some(news) = News::of_push(&push) {
                    // Too much at once: the store tells it too.
                    let _: Result<(), _> = heard.try_send(news);
                }
                Ok::<(), redis::aio::SendError>(())
            });
        let connected = async {
            let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
            connection.subscribe(&self.channel).await?;
            let try_out = Bucket { key: TRY_OUT.to_owned(), every: Duration::from_micros(1), full_in: CONNECT };
            let _: (usize, u64) = invocation(&self.take, &[try_out]).invoke_async(&mut connection).await?;
            Ok::<_, RedisError>(connection)
        };
        let connection = timeout(CONNECT, connected).await.map_err(|_| Away::Slow)??;
        Ok(Arc::new(Link { connection, lost }))
    }

    /// Until the connection is lost.
    async fn serve(
        &self,
        link: &Link,
        mut inbox: mpsc::Receiver<News>,
        outbox: &mut Outbox,
        revocations: &Revocations,
    ) -> Away {
        let mut connection = link.connection.clone();
        let mut ticks = interval(PING);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let mut command = redis::Cmd::new();
            tokio::select! {
                () = link.lost.cancelled() => return Away::Slow,
                Some(news) = inbox.recv() => {
                    news.heard(revocations);
                    continue;
                }
                Some(news) = outbox.recv() => command.arg("PUBLISH").arg(&self.channel).arg(news.to_string()),
                _ = ticks.tick() => command.arg("PING"),
            };
            match timeout(PATIENCE, command.query_async::<redis::Value>(&mut connection)).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return error.into(),
                Err(_) => return Away::Slow,
            }
        }
    }

    /// `None`: it is away, from now on at the latest.
    async fn ask<T: FromRedisValue>(&self, script: &Script, buckets: &[Bucket]) -> Option<T> {
        let link = self.link.load_full()?;
        let mut connection = link.connection.clone();
        let call = invocation(script, buckets);
        let answer = timeout(PATIENCE, call.invoke_async(&mut connection)).await;
        if let Ok(Ok(answer)) = answer {
            return Some(answer);
        }
        // Nobody else waits for it in vain; `follow` makes it anew.
        link.lost.cancel();
        self.link.compare_and_swap(&link, None);
        None
    }
}

impl Counts for Redis {
    fn take<'a>(&'a self, buckets: &'a [Bucket]) -> Asked<'a, Taken> {
        Box::pin(async move {
            match self.ask::<(usize, u64)>(&self.take, buckets).await {
                None => Taken::Away,
                Some((0, _)) => Taken::All,
                Some((number, wait)) => Taken::Empty { nth: number - 1, retry_after: Duration::from_micros(wait) },
            }
        })
    }

    fn give_back<'a>(&'a self, buckets: &'a [Bucket]) -> Asked<'a, ()> {
        Box::pin(async move {
            let _: Option<u64> = self.ask(&self.give_back, buckets).await;
        })
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("here", &self.is_here()).finish_non_exhaustive()
    }
}

fn invocation<'s>(script: &'s Script, buckets: &[Bucket]) -> redis::ScriptInvocation<'s> {
    let mut call = script.prepare_invoke();
    for Bucket { key, every, full_in } in buckets {
        call.key(key).arg(micros(*every)).arg(micros(*full_in));
    }
    call
}

fn micros(wait: Duration) -> u64 {
    u64::try_from(wait.as_micros()).unwrap_or(u64::MAX)
}

/// What the log says of it: once when it goes, once when it is back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Here,
    Away,
}

impl Said {
    fn here(&mut self) {
        if *self == Self::Away {
            tracing::info!("the server of [store] shared answers again: limits hold for all nodes together");
        }
        *self = Self::Here;
    }

    fn away(&mut self, why: &Away) {
        if *self != Self::Away {
            tracing::error!(
                error = why as &dyn std::error::Error,
                "the server of [store] shared does not answer: until it does, each node counts for itself and reads the store for what others end"
            );
        }
        *self = Self::Away;
    }
}

const TAKE: &str = include_str!("take.lua");
const GIVE_BACK: &str = include_str!("give_back.lua");
/// Taken from to see whether scripts run: a replica refuses.
const TRY_OUT: &str = "authgate:try-out";
/// A request waits no longer, and only once: then it is away.
const PATIENCE: Duration = Duration::from_millis(250);
const CONNECT: Duration = Duration::from_secs(1);
const AGAIN: Duration = Duration::from_millis(500);
const PING: Duration = Duration::from_secs(1);
/// So much that the others told may wait here; the rest is read from the store.
const HEARD: usize = 1024;

#[cfg(test)]
mod tests;
