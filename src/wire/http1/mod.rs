//! HTTP/1.1 as bytes (RFC 9112): what the sides towards clients and towards upstreams read and write alike.
mod chunks;
mod field;
mod inbox;
mod outbox;

pub(crate) use chunks::{BadChunks, Chunks, Step};
pub(crate) use field::{length, name};
pub(crate) use inbox::Inbox;
pub(crate) use outbox::Outbox;
