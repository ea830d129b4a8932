//! scrypt (RFC 7914) as Werkzeug, Django, passlib, libxcrypt, Node and Firebase write it.
use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use scrypt::Params;
use zeroize::Zeroizing;

use super::text::{base64, hex, number, number64, uncrypt64, value64};
use super::{BadHash, Derived, Foreign, Read};

pub(super) struct Run {
    params: Params,
    /// What it takes, in bytes.
    memory: usize,
    salt: Vec<u8>,
    then: Then,
}

/// What the derived key is used for.
enum Then {
    /// It is the hash.
    Compare,
    /// It encrypts a key of the project (AES-256 in counter mode): Firebase.
    Encrypt(Zeroizing<Vec<u8>>),
    /// Its second half signs the header: the file format of scrypt(1), which scrypt-kdf uses.
    Sign(Vec<u8>),
}

struct Cost {
    log_n: u8,
    r: u32,
    p: u32,
}

pub(super) fn read(text: &str) -> Read {
    if let Some(rest) = text.strip_prefix("scrypt:") {
        return Some(build(werkzeug(rest)));
    }
    if let Some(rest) = text.strip_prefix("scrypt$") {
        return Some(build(django(rest)));
    }
    if let Some(rest) = text.strip_prefix("$scrypt$") {
        return Some(build(passlib(rest)));
    }
    if let Some(rest) = text.strip_prefix("$7$") {
        return Some(build(libxcrypt(rest)));
    }
    if let Some(rest) = text.strip_prefix("$firebase-scrypt$") {
        return Some(build(firebase(rest)));
    }
    if text.starts_with("c2NyeXB0A") {
        return Some(build(file(text)));
    }
    // Node's crypto.scrypt with its defaults, salt and key in hexadecimal; both as bytes.
    let (salt, key) = text.split_once(':')?;
    let key = hex(key).filter(|key| key.len() == 64)?;
    let cost = Cost { log_n: 14, r: 8, p: 1 };
    Some(build(Some((cost, hex(salt)?, Then::Compare, key))))
}

type Parts = (Cost, Vec<u8>, Then, Vec<u8>);

/// `32768:8:1$salt$hex`; the salt is text.
fn werkzeug(text: &str) -> Option<Parts> {
    let (head, rest) = text.split_once('$')?;
    let (salt, output) = rest.split_once('$')?;
    let mut head = head.split(':');
    let cost = Cost::of_n(head.next()?, head.next()?, head.next()?)?;
    head.next().is_none().then_some((cost, salt.as_bytes().to_vec(), Then::Compare, hex(output)?))
}

/// `16384$salt$8$5$base64`; the salt is text.
fn django(text: &str) -> Option<Parts> {
    let mut parts = text.split('$');
    let (n, salt, r, p, output) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let cost = Cost::of_n(n, r, p)?;
    parts.next().is_none().then_some((cost, salt.as_bytes().to_vec(), Then::Compare, base64(output)?))
}

/// `ln=14,r=8,p=1$salt$hash`
fn passlib(text: &str) -> Option<Parts> {
    let (head, rest) = text.split_once('$')?;
    let (salt, output) = rest.split_once('$')?;
    let mut head = head.split(',');
    let mut next = |name: &str| head.next()?.strip_prefix(name).and_then(number);
    let cost = Cost { log_n: next("ln=")?.try_into().ok()?, r: next("r=")?, p: next("p=")? };
    Some((cost, base64(salt)?, Then::Compare, base64(output)?))
}

/// One letter for N, five for r, five for p, then the salt as text: `CU..../....salt$hash`
fn libxcrypt(text: &str) -> Option<Parts> {
    let (head, output) = text.rsplit_once('$')?;
    let (numbers, salt) = head.as_bytes().split_at_checked(11)?;
    let (n, rest) = numbers.split_first()?;
    let (r, p) = rest.split_at_checked(5)?;
    let cost = Cost { log_n: value64(*n)?.try_into().ok()?, r: number64(r)?, p: number64(p)? };
    Some((cost, salt.to_vec(), Then::Compare, uncrypt64(output).filter(|output| output.len() == 32)?))
}

/// `ln=14,r=8$salt$separator$signer key$hash`: our own writing of what a Firebase project exports.
fn firebase(text: &str) -> Option<Parts> {
    let mut parts = text.split('$');
    let (log_n, r) = parts.next()?.strip_prefix("ln=")?.split_once(",r=")?;
    let cost = Cost { log_n: number(log_n)?.try_into().ok()?, r: number(r)?, p: 1 };
    let mut salt = base64(parts.next()?)?;
    salt.extend(base64(parts.next()?)?);
    let (signer, output) = (Zeroizing::new(base64(parts.next()?)?), base64(parts.next()?)?);
    let right = parts.next().is_none() && signer.len() == output.len();
    right.then_some((cost, salt, Then::Encrypt(signer), output))
}

/// "scrypt", 0, log N, r, p, 32 bytes of salt, a checksum of 16, a signature of 32.
fn file(text: &str) -> Option<Parts> {
    let bytes = base64(text).filter(|bytes| bytes.len() == 96)?;
    let (signed, signature) = bytes.split_at_checked(64)?;
    let (header, checksum) = signed.split_at_checked(48)?;
    if !digest(&SHA256, header).as_ref().starts_with(checksum) {
        return None;
    }
    let numbers = header.get(8..16)?.as_chunks::<4>().0;
    let [r, p] = numbers else { return None };
    let cost = Cost { log_n: *header.get(7)?, r: u32::from_be_bytes(*r), p: u32::from_be_bytes(*p) };
    Some((cost, header.get(16..48)?.to_vec(), Then::Sign(signed.to_vec()), signature.to_vec()))
}

fn build(parts: Option<Parts>) -> Result<Foreign, BadHash> {
    let (cost, salt, then, output) = parts.ok_or(BadHash::Damaged(SCHEME))?;
    let (memory, params) = cost.checked()?;
    Ok(Foreign::new(SCHEME, super::Run::Scrypt(Run { params, memory, salt, then }), output))
}

impl Cost {
    fn of_n(n: &str, r: &str, p: &str) -> Option<Self> {
        let n = number(n).filter(|n| n.is_power_of_two() && *n > 1)?;
        Some(Self { log_n: n.trailing_zeros().try_into().ok()?, r: number(r)?, p: number(p)? })
    }

    /// How much memory it takes, if that and the work are within bounds.
    fn checked(&self) -> Result<(usize, Params), BadHash> {
        let Self { log_n, r, p } = *self;
        let n = 1_u64.checked_shl(u32::from(log_n)).filter(|n| *n > 1);
        let memory = n.and_then(|n| n.checked_mul(128)?.checked_mul(u64::from(r)));
        let memory = memory.filter(|memory| *memory <= MOST_MEMORY).ok_or(BadHash::TooCostly(SCHEME))?;
        if memory.saturating_mul(u64::from(p)) > MOST_WORK || r.saturating_mul(p) > MOST_MIXED {
            return Err(BadHash::TooCostly(SCHEME));
        }
        let params = Params::new(log_n, r, p).map_err(|_| BadHash::Damaged(SCHEME))?;
        Ok((usize::try_from(memory).map_err(|_| BadHash::TooCostly(SCHEME))?, params))
    }
}

impl Run {
    pub(super) fn derive(&self, password: &[u8], length: usize) -> Derived {
        // Asks first: a gateway that cannot have the memory answers "busy" and does not abort.
        Vec::<u8>::new().try_reserve_exact(self.memory).ok()?;
        let key_length = if matches!(self.then, Then::Compare) { length } else { 64 };
        let mut key = Zeroizing::new(vec![0; key_length]);
        scrypt::scrypt(password, &self.salt, &self.params, &mut key).ok()?;
        match &self.then {
            Then::Compare => Some(key),
            Then::Encrypt(signer) => encrypt(key.get(..32)?, signer),
            Then::Sign(header) => {
                let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.get(32..)?), header);
                Some(Zeroizing::new(tag.as_ref().to_vec()))
            }
        }
    }
}

fn encrypt(key: &[u8], signer: &[u8]) -> Derived {
    let key = EncryptingKey::ctr(UnboundCipherKey::new(&AES_256, key).ok()?).ok()?;
    let mut text = Zeroizing::new(signer.to_vec());
    // The counter begins at nought, as Firebase has it; the key is new for each salt.
    let start = EncryptionContext::Iv128(FixedLength::from([0; 16]));
    key.less_safe_encrypt(&mut text, start).ok()?;
    Some(text)
}

const SCHEME: &str = "scrypt";
const MOST_MEMORY: u64 = 256 * 1024 * 1024;
/// Memory times lanes: about two seconds.
const MOST_WORK: u64 = 1024 * 1024 * 1024;
const MOST_MIXED: u32 = 1 << 12;
