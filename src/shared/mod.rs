//! Short-lived state that several processes and nodes share: through the store, and through a Redis where there is one.
mod browsers;
mod counts;
mod redis;
mod revocations;
mod service_tokens;
mod settings;
mod streams;

pub(crate) use browsers::{Browsers, Held, Known, Resume};
pub(crate) use counts::{Bucket, Counts, Taken};
pub(crate) use redis::{BadRedis, News, Outbox, Redis, RedisAddress};
pub(crate) use revocations::Revocations;
pub(crate) use service_tokens::ServiceTokens;
pub(crate) use settings::Settings;
pub(crate) use streams::{Behind, Live, Opened, Streams};
