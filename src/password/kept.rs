//! A hash out of the store: ours, or one that another program made.
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::Argon2Cost;
use super::argon::Kept as Argon;
use super::foreign::{BadHash, Foreign};
use super::memory::Memory;

pub(super) enum Kept {
    Argon(Argon),
    Foreign(Foreign),
}

impl Kept {
    pub(super) fn parse(text: &str, most: Argon2Cost) -> Result<Self, BadHash> {
        let argon = argon(text);
        match Argon::parse(argon, most) {
            Some(kept) => Ok(Self::Argon(kept)),
            None if argon.starts_with("$argon2") => Err(refused(argon)),
            None => Foreign::parse(text).map(Self::Foreign),
        }
    }

    pub(super) fn matches(&self, password: &[u8], memory: &Arc<Memory>) -> Option<bool> {
        match self {
            Self::Argon(kept) => memory.lend(kept.blocks(), |memory| kept.matches(password, memory)),
            Self::Foreign(foreign) => foreign.matches(password),
        }
    }

    pub(super) fn scheme(&self) -> &'static str {
        match self {
            Self::Argon(kept) => kept.scheme(),
            Self::Foreign(foreign) => foreign.scheme,
        }
    }
}

/// What kind a kept hash is, in a word; however costly it is.
pub(crate) fn scheme_of(text: &str) -> &'static str {
    let most = Argon2Cost { memory_kib: u32::MAX, iterations: u32::MAX, lanes: u32::MAX };
    match Kept::parse(text, most) {
        Ok(kept) => kept.scheme(),
        Err(BadHash::Damaged(scheme) | BadHash::TooCostly(scheme)) => scheme,
        Err(BadHash::Unknown(_)) => "unknown",
    }
}

/// Reads a hash and, where that is cheap, runs it; `None` where it is not, or cannot be read. For fuzz targets.
pub(crate) fn run_if_cheap(text: &str, password: &[u8]) -> Option<bool> {
    let foreign = Foreign::parse(text).ok()?;
    let cheap = ["digest", "salted digest", "md5-crypt"].contains(&foreign.scheme);
    if cheap { foreign.matches(password) } else { None }
}

/// The hash of a person of a Firebase project, with what the project's own parameters add to it.
pub(crate) fn of_firebase(
    mem_cost: u32,
    rounds: u32,
    salt: &str,
    separator: &str,
    signer_key: &str,
    hash: &str,
) -> String {
    format!("$firebase-scrypt$ln={mem_cost},r={rounds}${salt}${separator}${signer_key}${hash}")
}

/// A bcrypt hash of a password with a secret behind it.
pub(crate) fn peppered(pepper: &str, hash: &str) -> String {
    format!("$pepper${}{hash}", STANDARD_NO_PAD.encode(pepper))
}

/// Django writes a word before the text that all others write.
fn argon(text: &str) -> &str {
    text.strip_prefix("argon2").filter(|rest| rest.starts_with("$argon2")).unwrap_or(text)
}

/// Whether it is too much or cannot be read: what can be read without a bound is too much.
fn refused(text: &str) -> BadHash {
    let most = Argon2Cost { memory_kib: u32::MAX, iterations: u32::MAX, lanes: u32::MAX };
    if Argon::parse(text, most).is_some() { BadHash::TooCostly("argon2") } else { BadHash::Damaged("argon2") }
}
