//! Plain values that every room may name: ids, names, secrets, time.
mod chance;
mod clock;
mod ids;
mod name;
mod network;
mod secret;

pub(crate) use chance::quick_random;
pub(crate) use clock::{Clock, LONGEST_MADE_ELSEWHERE, Timestamp};
pub(crate) use ids::{PasskeyId, SessionId, TokenId, Ulid, UserId, random_bytes};
pub(crate) use name::{Email, NameError, Role, Scope, Username};
pub(crate) use network::Network;
pub(crate) use secret::Secret;
