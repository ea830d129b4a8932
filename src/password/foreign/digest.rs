//! One or many plain digests: LDAP and Apache (`{SHA}`, `{SSHA}`), old Django, FSHP. Fast to guess, so the sooner their owner signs in the better.
use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512, digest};
use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

use super::text::{base64, hex, number};
use super::{BadHash, Derived, Foreign, Read};

pub(super) struct Run {
    kind: Kind,
    salt: Vec<u8>,
    /// The salt stands before the password, else behind it.
    salt_first: bool,
    rounds: u32,
}

enum Kind {
    Md5,
    Sha(&'static Algorithm),
}

pub(super) fn read(text: &str) -> Read {
    for (mark, algorithm) in LDAP {
        if let Some(rest) = text.strip_prefix(mark) {
            return Some(ldap(rest, algorithm, mark.starts_with("{SS")));
        }
    }
    for (mark, kind) in [("md5$", Kind::Md5), ("sha1$", Kind::Sha(&SHA1_FOR_LEGACY_USE_ONLY))] {
        if let Some(rest) = text.strip_prefix(mark) {
            return Some(django(rest, kind));
        }
    }
    text.strip_prefix("{FSHP").map(fshp)
}

/// The digest, and the salt behind it.
fn ldap(text: &str, algorithm: &'static Algorithm, salted: bool) -> Result<Foreign, BadHash> {
    let scheme = "salted digest";
    let bytes = base64(text).ok_or(BadHash::Damaged(scheme))?;
    let (output, salt) = bytes.split_at_checked(algorithm.output_len()).ok_or(BadHash::Damaged(scheme))?;
    if salt.is_empty() == salted {
        return Err(BadHash::Damaged(scheme));
    }
    let run = Run { kind: Kind::Sha(algorithm), salt: salt.to_vec(), salt_first: false, rounds: 1 };
    Ok(Foreign::new(if salted { scheme } else { "digest" }, super::Run::Digest(run), output.to_vec()))
}

/// `salt$hex`
fn django(text: &str, kind: Kind) -> Result<Foreign, BadHash> {
    let scheme = "salted digest";
    let length = if matches!(kind, Kind::Md5) { 16 } else { 20 };
    let parts = text.split_once('$').and_then(|(salt, output)| Some((salt, hex(output)?)));
    let (salt, output) = parts.filter(|(_, output)| output.len() == length).ok_or(BadHash::Damaged(scheme))?;
    let run = Run { kind, salt: salt.as_bytes().to_vec(), salt_first: true, rounds: 1 };
    Ok(Foreign::new(scheme, super::Run::Digest(run), output))
}

/// `1|16|480000}base64`: variant, length of the salt, rounds. PBKDF1 with password and salt changed about.
fn fshp(text: &str) -> Result<Foreign, BadHash> {
    let scheme = "fshp";
    let parts = || {
        let (head, rest) = text.split_once('}')?;
        let mut head = head.split('|');
        let algorithm: &'static Algorithm = match head.next()? {
            "0" => &SHA1_FOR_LEGACY_USE_ONLY,
            "1" => &SHA256,
            "2" => &SHA384,
            "3" => &SHA512,
            _ => return None,
        };
        let (salt_length, rounds) = (usize::try_from(number(head.next()?)?).ok()?, number(head.next()?)?);
        let bytes = base64(rest)?;
        let (salt, output) = bytes.split_at_checked(salt_length)?;
        let right = head.next().is_none() && output.len() == algorithm.output_len() && rounds > 0;
        right.then(|| (algorithm, rounds, salt.to_vec(), output.to_vec()))
    };
    let (algorithm, rounds, salt, output) = parts().ok_or(BadHash::Damaged(scheme))?;
    if rounds > MOST_ROUNDS {
        return Err(BadHash::TooCostly(scheme));
    }
    let run = Run { kind: Kind::Sha(algorithm), salt, salt_first: true, rounds };
    Ok(Foreign::new(scheme, super::Run::Digest(run), output))
}

impl Run {
    pub(super) fn derive(&self, password: &[u8]) -> Derived {
        let parts = if self.salt_first { [&self.salt, password] } else { [password, &self.salt] };
        let mut output = Zeroizing::new(parts.concat());
        for _ in 0..self.rounds {
            output = Zeroizing::new(match self.kind {
                Kind::Md5 => Md5::digest(&*output).to_vec(),
                Kind::Sha(algorithm) => digest(algorithm, &output).as_ref().to_vec(),
            });
        }
        Some(output)
    }
}

const LDAP: [(&str, &Algorithm); 6] = [
    ("{SHA}", &SHA1_FOR_LEGACY_USE_ONLY),
    ("{SSHA}", &SHA1_FOR_LEGACY_USE_ONLY),
    ("{SHA256}", &SHA256),
    ("{SSHA256}", &SHA256),
    ("{SHA512}", &SHA512),
    ("{SSHA512}", &SHA512),
];
const MOST_ROUNDS: u32 = 4_000_000;
