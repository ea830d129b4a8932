//! Keys: made once and kept, refused when they are weak, prepared once for every use.
mod lineup;
mod pem;
mod ring;
mod seal;
mod secret;
mod stored;
mod verifying;

pub(crate) use lineup::{LineUp, PUBLISHED_BEFORE, next_change, next_key_due};
pub(crate) use ring::KeyRing;
pub(super) use ring::RingKey;
pub(crate) use seal::Seal;
pub(crate) use secret::weakness;
pub(crate) use stored::{Half, KeyError, StoredKey};
#[cfg(test)]
pub(super) use verifying::VerifyingKey;
