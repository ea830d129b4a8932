//! Keys: made once and kept, refused when they are weak, prepared once for every use.
mod ring;
mod secret;
mod stored;
mod verifying;

pub(crate) use ring::KeyRing;
pub(super) use ring::RingKey;
pub(crate) use stored::{KeyError, StoredKey};
#[cfg(test)]
pub(super) use verifying::VerifyingKey;
