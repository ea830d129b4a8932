//! Short-lived state that several processes and nodes share. Today through the store; another way keeps these types.
mod browsers;
mod revocations;
mod service_tokens;
mod settings;
mod streams;

pub(crate) use browsers::{Browsers, Held, Known, Resume};
pub(crate) use revocations::Revocations;
pub(crate) use service_tokens::ServiceTokens;
pub(crate) use settings::Settings;
pub(crate) use streams::{Live, Opened, Streams};
