//! PBKDF2 as Werkzeug, Django, passlib, Keycloak, Atlassian, GRUB and ASP.NET Identity write it.
use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{Algorithm, PBKDF2_HMAC_SHA1, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA512, derive};
use zeroize::Zeroizing;

use super::text::{base64, hex, number};
use super::{BadHash, Derived, Foreign, Read};

pub(super) struct Run {
    algorithm: Algorithm,
    iterations: NonZeroU32,
    salt: Vec<u8>,
}

pub(super) fn read(text: &str) -> Read {
    if let Some(rest) = text.strip_prefix("pbkdf2:") {
        return Some(werkzeug(rest));
    }
    if let Some(rest) = text.strip_prefix("pbkdf2_") {
        return Some(django(rest));
    }
    if let Some(rest) = text.strip_prefix("$pbkdf2") {
        return Some(passlib(rest));
    }
    if let Some(rest) = text.strip_prefix("{PKCS5S2}") {
        return Some(atlassian(rest));
    }
    if let Some(rest) = text.strip_prefix("grub.pbkdf2.sha512.") {
        return Some(grub(rest));
    }
    asp_net(text)
}

/// `sha256:1000000$salt$hex`; the salt is text.
fn werkzeug(text: &str) -> Result<Foreign, BadHash> {
    let parts = || {
        let (head, rest) = text.split_once('$')?;
        let ((hash, iterations), (salt, output)) = (head.split_once(':')?, rest.split_once('$')?);
        Some((hash, number(iterations)?, salt.as_bytes().to_vec(), hex(output)?))
    };
    build(parts())
}

/// `sha256$1000000$salt$base64`; the salt is text.
fn django(text: &str) -> Result<Foreign, BadHash> {
    let parts = || {
        let mut parts = text.split('$');
        let (hash, iterations, salt, output) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        parts.next().is_none().then_some((hash, number(iterations)?, salt.as_bytes().to_vec(), base64(output)?))
    };
    build(parts())
}

/// `-sha256$29000$salt$hash`, and without a name for SHA-1.
fn passlib(text: &str) -> Result<Foreign, BadHash> {
    let parts = || {
        let mut parts = text.split('$');
        let hash = parts.next()?.strip_prefix('-').map_or("sha1", |hash| hash);
        let (iterations, salt, output) = (parts.next()?, parts.next()?, parts.next()?);
        parts.next().is_none().then_some((hash, number(iterations)?, base64(salt)?, base64(output)?))
    };
    build(parts())
}

/// Salt and hash in one.
fn atlassian(text: &str) -> Result<Foreign, BadHash> {
    let bytes = base64(text).filter(|bytes| bytes.len() == 48);
    build(bytes.and_then(|bytes| {
        let (salt, output) = bytes.split_at_checked(16)?;
        Some(("sha1", 10_000, salt.to_vec(), output.to_vec()))
    }))
}

/// `25000.SALT.HASH`
fn grub(text: &str) -> Result<Foreign, BadHash> {
    let parts = || {
        let (iterations, rest) = text.split_once('.')?;
        let (salt, output) = rest.split_once('.')?;
        Some(("sha512", number(iterations)?, hex(salt)?, hex(output)?))
    };
    build(parts())
}

/// Bytes in base64: 0 and a salt of 16 and a key of 32 (version 2), or 1 and three numbers and salt and key (version 3).
fn asp_net(text: &str) -> Read {
    let bytes = if text.contains(['$', ':', '{', '.', '-', '_']) { None } else { base64(text) }?;
    let (version, rest) = bytes.split_first()?;
    match version {
        0 if rest.len() == 48 => {
            let (salt, key) = rest.split_at_checked(16)?;
            Some(build(Some(("sha1", 1000, salt.to_vec(), key.to_vec()))))
        }
        1 => Some(build(asp_net_3(rest))),
        _ => None,
    }
}

fn asp_net_3(bytes: &[u8]) -> Option<Parts<'_>> {
    let (numbers, rest) = bytes.split_at_checked(12)?;
    let mut numbers = numbers.as_chunks::<4>().0.iter().map(|bytes| u32::from_be_bytes(*bytes));
    let hash = match numbers.next()? {
        0 => "sha1",
        1 => "sha256",
        2 => "sha512",
        _ => return None,
    };
    let (iterations, length) = (numbers.next()?, usize::try_from(numbers.next()?).ok()?);
    let (salt, key) = rest.split_at_checked(length)?;
    (salt.len() >= 16 && key.len() >= 16).then(|| (hash, iterations, salt.to_vec(), key.to_vec()))
}

type Parts<'a> = (&'a str, u32, Vec<u8>, Vec<u8>);

fn build(parts: Option<Parts<'_>>) -> Result<Foreign, BadHash> {
    let (hash, iterations, salt, output) = parts.ok_or(BadHash::Damaged("pbkdf2"))?;
    let (scheme, algorithm, block) = match hash {
        "sha1" => ("pbkdf2_sha1", PBKDF2_HMAC_SHA1, 20),
        "sha256" => ("pbkdf2_sha256", PBKDF2_HMAC_SHA256, 32),
        "sha512" => ("pbkdf2_sha512", PBKDF2_HMAC_SHA512, 64),
        _ => return Err(BadHash::Damaged("pbkdf2")),
    };
    let iterations = NonZeroU32::new(iterations).ok_or(BadHash::Damaged(scheme))?;
    let blocks = u32::try_from(output.len().div_ceil(block)).unwrap_or(u32::MAX);
    if iterations.get().saturating_mul(blocks) > MOST_ITERATIONS {
        return Err(BadHash::TooCostly(scheme));
    }
    Ok(Foreign::new(scheme, super::Run::Pbkdf2(Run { algorithm, iterations, salt }), output))
}

impl Run {
    pub(super) fn derive(&self, password: &[u8], length: usize) -> Derived {
        let mut output = Zeroizing::new(vec![0; length]);
        derive(self.algorithm, self.iterations, &self.salt, password, &mut output);
        Some(output)
    }
}

/// Over all blocks of the output: about two seconds. Django asks for a million in 2025, and for more every year.
const MOST_ITERATIONS: u32 = 6_000_000;
