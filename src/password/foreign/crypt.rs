//! What crypt(3) and its relatives make of MD5 and SHA-2: `$1$`, `$apr1$`, `$5$`, `$6$`, and PHPass' `$P$`.
use aws_lc_rs::digest::{Algorithm, Context, SHA256, SHA512};
use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

use super::text::{crypt64, number, push64, value64};
use super::{BadHash, Derived, Foreign, Read};

pub(super) struct Run {
    kind: Kind,
    salt: Vec<u8>,
    rounds: u32,
}

enum Kind {
    /// With what stands before the salt.
    Md5(&'static str),
    Sha(&'static Algorithm),
    Phpass,
}

pub(super) fn read(text: &str) -> Read {
    for mark in ["$1$", "$apr1$"] {
        if let Some(rest) = text.strip_prefix(mark) {
            return Some(md5(mark, rest));
        }
    }
    for (mark, algorithm) in [("$5$", &SHA256), ("$6$", &SHA512)] {
        if let Some(rest) = text.strip_prefix(mark) {
            return Some(sha(rest, algorithm));
        }
    }
    text.strip_prefix("$P$").or_else(|| text.strip_prefix("$H$")).map(phpass)
}

fn md5(mark: &'static str, text: &str) -> Result<Foreign, BadHash> {
    let scheme = "md5-crypt";
    let parts = text.split_once('$').filter(|(salt, hash)| salt.len() <= 8 && hash.len() == 22);
    let (salt, hash) = parts.ok_or(BadHash::Damaged(scheme))?;
    let run = Run { kind: Kind::Md5(mark), salt: salt.as_bytes().to_vec(), rounds: 1000 };
    Ok(Foreign::new(scheme, super::Run::Crypt(run), hash.as_bytes().to_vec()))
}

/// `rounds=5000$salt$hash`; without rounds there are five thousand.
fn sha(text: &str, algorithm: &'static Algorithm) -> Result<Foreign, BadHash> {
    let (scheme, letters) = if algorithm.output_len() == 32 { ("sha256-crypt", 43) } else { ("sha512-crypt", 86) };
    let parts = || {
        let (rounds, rest) = match text.strip_prefix("rounds=") {
            Some(rest) => rest.split_once('$').and_then(|(rounds, rest)| Some((number(rounds)?, rest)))?,
            None => (5000, text),
        };
        let (salt, hash) = rest.split_once('$').filter(|(salt, hash)| salt.len() <= 16 && hash.len() == letters)?;
        (rounds >= 1000).then_some((rounds, salt, hash))
    };
    let (rounds, salt, hash) = parts().ok_or(BadHash::Damaged(scheme))?;
    if rounds > MOST_ROUNDS {
        return Err(BadHash::TooCostly(scheme));
    }
    let run = Run { kind: Kind::Sha(algorithm), salt: salt.as_bytes().to_vec(), rounds };
    Ok(Foreign::new(scheme, super::Run::Crypt(run), hash.as_bytes().to_vec()))
}

/// One letter for the rounds, eight of salt, 22 of hash.
fn phpass(text: &str) -> Result<Foreign, BadHash> {
    let scheme = "phpass";
    let parts = || {
        let (log, rest) = text.split_at_checked(1)?;
        let (salt, hash) = rest.split_at_checked(8).filter(|(_, hash)| hash.len() == 22)?;
        Some((value64(*log.as_bytes().first()?)?, salt, hash))
    };
    let (log, salt, hash) = parts().ok_or(BadHash::Damaged(scheme))?;
    let rounds = 1_u32.checked_shl(log).filter(|rounds| (1..=MOST_ROUNDS).contains(rounds));
    let rounds = rounds.ok_or(BadHash::TooCostly(scheme))?;
    let run = Run { kind: Kind::Phpass, salt: salt.as_bytes().to_vec(), rounds };
    Ok(Foreign::new(scheme, super::Run::Crypt(run), hash.as_bytes().to_vec()))
}

impl Run {
    pub(super) fn derive(&self, password: &[u8]) -> Derived {
        Some(Zeroizing::new(match self.kind {
            Kind::Md5(mark) => md5_crypt(mark, &self.salt, password),
            Kind::Sha(algorithm) => sha_crypt(algorithm, &self.salt, self.rounds, password),
            Kind::Phpass => {
                let mut hash = Md5::new().chain_update(&self.salt).chain_update(password).finalize();
                for _ in 0..self.rounds {
                    hash = Md5::new().chain_update(hash).chain_update(password).finalize();
                }
                crypt64(&hash)
            }
        }))
    }
}

/// Poul-Henning Kamp's, with a thousand rounds; Apache's differs in the mark alone.
fn md5_crypt(mark: &str, salt: &[u8], password: &[u8]) -> Vec<u8> {
    let other = Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut first = Md5::new().chain_update(password).chain_update(mark).chain_update(salt);
    for at in (0..password.len()).step_by(16) {
        first.update(other.get(..(password.len() - at).min(16)).unwrap_or_default());
    }
    let mut length = password.len();
    while length > 0 {
        first.update(if length & 1 == 1 { &[0] } else { password.get(..1).unwrap_or_default() });
        length >>= 1;
    }
    let mut hash = first.finalize();
    for round in 0..1000 {
        let mut next = Md5::new();
        next.update(if round % 2 == 1 { password } else { &hash });
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        next.update(if round % 2 == 1 { &hash } else { password });
        hash = next.finalize();
    }
    let groups = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]];
    write(&hash, &groups, &[11])
}

/// Ulrich Drepper's "Unix crypt using SHA-256 and SHA-512"; the comments are the numbers of its steps.
fn sha_crypt(algorithm: &'static Algorithm, salt: &[u8], rounds: u32, password: &[u8]) -> Vec<u8> {
    let hash = |parts: &[&[u8]]| {
        let mut context = Context::new(algorithm);
        parts.iter().for_each(|part| context.update(part));
        Zeroizing::new(context.finish().as_ref().to_vec())
    };
    // 4 to 8
    let other = hash(&[password, salt, password]);
    // 9, 10
    let stretched = stretch(&other, password.len());
    let mut parts: Vec<&[u8]> = vec![password, salt, &stretched];
    // 11
    let mut length = password.len();
    while length > 0 {
        parts.push(if length & 1 == 1 { &other } else { password });
        length >>= 1;
    }
    // 12
    let mut sum = hash(&parts);
    // 13 to 16
    let of_password = hash(&vec![password; password.len()]);
    let p = stretch(&of_password, password.len());
    // 17 to 20
    let of_salt = hash(&vec![salt; 16 + usize::from(sum.first().copied().unwrap_or_default())]);
    let s = stretch(&of_salt, salt.len());
    // 21
    for round in 0..rounds {
        let odd = round % 2 == 1;
        let mut parts: [&[u8]; 4] = [if odd { &p } else { &sum }, &[], &[], if odd { &sum } else { &p }];
        if round % 3 != 0 {
            parts[1] = &s;
        }
        if round % 7 != 0 {
            parts[2] = &p;
        }
        sum = hash(&parts);
    }
    // 22
    if algorithm.output_len() == 32 { write(&sum, &ORDER_256, &[31, 30]) } else { write(&sum, &ORDER_512, &[63]) }
}

fn stretch(bytes: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(bytes.iter().copied().cycle().take(length).collect())
}

/// Groups of three bytes, highest first, then what is left over.
fn write(bytes: &[u8], groups: &[[usize; 3]], rest: &[usize]) -> Vec<u8> {
    let bits = |places: &[usize]| {
        places.iter().fold(0_u32, |bits, at| bits << 8 | u32::from(bytes.get(*at).copied().unwrap_or_default()))
    };
    let mut text = Vec::new();
    for group in groups {
        push64(&mut text, bits(group), 4);
    }
    push64(&mut text, bits(rest), rest.len() + 1);
    text
}

const ORDER_256: [[usize; 3]; 10] = [
    [0, 10, 20],
    [21, 1, 11],
    [12, 22, 2],
    [3, 13, 23],
    [24, 4, 14],
    [15, 25, 5],
    [6, 16, 26],
    [27, 7, 17],
    [18, 28, 8],
    [9, 19, 29],
];

/// Each group is the one before, turned and one on.
#[expect(clippy::indexing_slicing, reason = "computed at compile time, where an index out of bounds does not compile")]
const ORDER_512: [[usize; 3]; 21] = {
    let mut groups = [[0, 21, 42]; 21];
    let mut at = 1;
    while at < 21 {
        let [a, b, c] = groups[at - 1];
        groups[at] = [b + 1, c + 1, a + 1];
        at += 1;
    }
    groups
};

/// About a second and a half; passlib's own choice is 656,000.
const MOST_ROUNDS: u32 = 1 << 21;
