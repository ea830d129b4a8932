//! bcrypt, by itself and over a password that was digested first: Django, Flask-Bcrypt, passlib, WordPress, Devise.
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::text::{base64, bcrypt64, number, write_hex};
use super::{BadHash, Derived, Foreign, Read};

pub(super) struct Run {
    cost: u32,
    salt: [u8; 16],
    first: First,
}

/// What is done with the password before.
enum First {
    Nothing,
    /// Django's bcrypt_sha256, and Flask-Bcrypt for long passwords.
    Sha256Hex,
    /// passlib's first bcrypt_sha256.
    Sha256Base64,
    /// HMAC-SHA-256 with the salt's text as key: passlib's second.
    HmacSha256(String),
    /// HMAC-SHA-384 of the trimmed password: WordPress since 6.8.
    WordPress,
    /// A secret that stands behind the password: Devise.
    Pepper(Zeroizing<Vec<u8>>),
}

pub(super) fn read(text: &str) -> Read {
    if let Some(rest) = text.strip_prefix("bcrypt_sha256$").or_else(|| text.strip_prefix("$sha256-hex")) {
        return Some(plain("bcrypt_sha256", rest, First::Sha256Hex));
    }
    if let Some(rest) = text.strip_prefix("bcrypt$") {
        return Some(plain("bcrypt", rest, First::Nothing));
    }
    if let Some(rest) = text.strip_prefix("$bcrypt-sha256$") {
        return Some(passlib(rest));
    }
    if let Some(rest) = text.strip_prefix("$wp") {
        return Some(plain("WordPress", rest, First::WordPress));
    }
    if let Some(rest) = text.strip_prefix("$pepper$") {
        let read = rest.split_once('$').and_then(|(pepper, _)| Some((base64(pepper)?, rest.get(pepper.len()..)?)));
        let Some((pepper, hash)) = read else { return Some(Err(BadHash::Damaged("bcrypt"))) };
        return Some(plain("bcrypt", hash, First::Pepper(Zeroizing::new(pepper))));
    }
    ["$2a$", "$2b$", "$2y$"].iter().any(|mark| text.starts_with(mark)).then(|| plain("bcrypt", text, First::Nothing))
}

/// `$2b$10$` and 53 letters. The old `$2x$` is another algorithm and is not read.
fn plain(scheme: &'static str, text: &str, first: First) -> Result<Foreign, BadHash> {
    let parts = || {
        let rest = ["$2a$", "$2b$", "$2y$"].iter().find_map(|mark| text.strip_prefix(mark))?;
        let (cost, rest) = rest.split_once('$')?;
        Some((cost, rest.split_at_checked(SALT_LETTERS)?))
    };
    let (cost, (salt, hash)) = parts().ok_or(BadHash::Damaged(scheme))?;
    build(scheme, cost, salt, hash, first)
}

/// `v=2,t=2b,r=10$salt$hash`, and in the first version `2b,10$salt$hash`.
fn passlib(text: &str) -> Result<Foreign, BadHash> {
    let scheme = "bcrypt_sha256";
    let mut parts = text.split('$');
    let (Some(head), Some(salt), Some(hash), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(BadHash::Damaged(scheme));
    };
    match head.split(',').collect::<Vec<_>>().as_slice() {
        ["v=2", "t=2b" | "t=2a" | "t=2y", cost] => {
            let cost = cost.strip_prefix("r=").ok_or(BadHash::Damaged(scheme))?;
            build(scheme, cost, salt, hash, First::HmacSha256(salt.to_owned()))
        }
        ["2a" | "2b" | "2y", cost] => build(scheme, cost, salt, hash, First::Sha256Base64),
        _ => Err(BadHash::Damaged(scheme)),
    }
}

fn build(scheme: &'static str, cost: &str, salt: &str, hash: &str, first: First) -> Result<Foreign, BadHash> {
    let read = || {
        let (cost, salt, output) = (number(cost)?, bcrypt64(salt)?.try_into().ok()?, bcrypt64(hash)?);
        let right = hash.len() == HASH_LETTERS && (4..=31).contains(&cost);
        right.then_some((cost, salt, output))
    };
    let (cost, salt, output) = read().ok_or(BadHash::Damaged(scheme))?;
    if cost > MOST_COST {
        return Err(BadHash::TooCostly(scheme));
    }
    Ok(Foreign::new(scheme, super::Run::Bcrypt(Run { cost, salt, first }), output))
}

impl Run {
    pub(super) fn derive(&self, password: &[u8]) -> Derived {
        let mut key = Zeroizing::new(match &self.first {
            First::Nothing => password.to_vec(),
            First::Sha256Hex => write_hex(digest(&SHA256, password).as_ref()).into_bytes(),
            First::Sha256Base64 => STANDARD.encode(digest(&SHA256, password)).into_bytes(),
            First::HmacSha256(salt) => mac(hmac::HMAC_SHA256, salt.as_bytes(), password),
            First::WordPress => mac(hmac::HMAC_SHA384, b"wp-sha384", password.trim_ascii()),
            First::Pepper(pepper) => [password, pepper.as_slice()].concat(),
        });
        // The end of the text is part of it, and nothing beyond the 72nd byte is: that is how bcrypt is.
        key.push(0);
        key.truncate(MOST_BYTES);
        let output = Zeroizing::new(bcrypt::bcrypt(self.cost, self.salt, &key));
        Some(Zeroizing::new(output.get(..OUTPUT)?.to_vec()))
    }
}

fn mac(algorithm: hmac::Algorithm, key: &[u8], password: &[u8]) -> Vec<u8> {
    STANDARD.encode(hmac::sign(&hmac::Key::new(algorithm, key), password)).into_bytes()
}

const SALT_LETTERS: usize = 22;
const HASH_LETTERS: usize = 31;
const OUTPUT: usize = 23;
const MOST_BYTES: usize = 72;
/// About two seconds; each step doubles it.
const MOST_COST: u32 = 15;
