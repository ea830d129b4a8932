//! Hashes that other programs made, kept as they are until their owner signs in and an argon2id hash takes their place.
//!
//! What is read here came from outside: each form is checked in full, and what it would cost is bounded, before anything is run.
mod bcrypt;
mod crypt;
mod digest;
mod pbkdf2;
mod scrypt;
mod text;
mod yescrypt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A hash of another program, read and found to cost no more than allowed.
pub(super) struct Foreign {
    pub(super) scheme: &'static str,
    run: Run,
    /// What a run with the right password gives.
    output: Zeroizing<Vec<u8>>,
}

enum Run {
    Bcrypt(bcrypt::Run),
    Crypt(crypt::Run),
    Digest(digest::Run),
    Pbkdf2(pbkdf2::Run),
    Scrypt(scrypt::Run),
    Yescrypt(yescrypt::Run),
}

/// Why a hash cannot be taken over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadHash {
    /// Only the beginning of the text, up to where a secret could start.
    #[error("hash scheme {0:?} is not known: see authgate help import")]
    Unknown(String),
    #[error("the {0} hash is damaged or incomplete")]
    Damaged(&'static str),
    #[error("the {0} hash asks for more work or memory than is allowed")]
    TooCostly(&'static str),
}

impl Foreign {
    /// Reads a hash by its form; the forms do not overlap.
    pub(super) fn parse(text: &str) -> Result<Self, BadHash> {
        if text.len() > MAX_TEXT || !text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return Err(BadHash::Unknown(beginning(text)));
        }
        let readers = [bcrypt::read, pbkdf2::read, scrypt::read, yescrypt::read, crypt::read, digest::read];
        let read = readers.iter().find_map(|read| read(text)).ok_or_else(|| BadHash::Unknown(beginning(text)))?;
        read.and_then(|foreign| {
            if (SHORTEST..=LONGEST).contains(&foreign.output.len()) {
                Ok(foreign)
            } else {
                Err(BadHash::Damaged(foreign.scheme))
            }
        })
    }

    /// Runs and compares in constant time. `None`: the run failed, which is no verdict.
    pub(super) fn matches(&self, password: &[u8]) -> Option<bool> {
        let output = match &self.run {
            Run::Bcrypt(run) => run.derive(password),
            Run::Crypt(run) => run.derive(password),
            Run::Digest(run) => run.derive(password),
            Run::Pbkdf2(run) => run.derive(password, self.output.len()),
            Run::Scrypt(run) => run.derive(password, self.output.len()),
            Run::Yescrypt(run) => run.derive(password, self.output.len()),
        }?;
        Some(output.ct_eq(&self.output).into())
    }

    fn new(scheme: &'static str, run: Run, output: Vec<u8>) -> Self {
        Self { scheme, run, output: Zeroizing::new(output) }
    }
}

/// What a reader says: it is not this form, or it is and is wrong, or here it is.
type Read = Option<Result<Foreign, BadHash>>;

/// What a derivation gives; wiped.
type Derived = Option<Zeroizing<Vec<u8>>>;

/// The marker at the beginning, for a message: what stands before the salt.
fn beginning(text: &str) -> String {
    let end = match text.strip_prefix('$') {
        Some(rest) => rest.find('$').map_or(0, |at| at + 2),
        None => text.find(['$', '}', ':']).map_or(0, |at| at + 1),
    };
    text.chars().take(end.min(MAX_SCHEME)).filter(|letter| !letter.is_control()).collect()
}

/// As long as the column that keeps it.
const MAX_TEXT: usize = 512;
const MAX_SCHEME: usize = 24;
/// Of the output, in bytes: shorter is too easily hit by chance, longer is not made by any program we know.
const SHORTEST: usize = 16;
const LONGEST: usize = 256;

#[cfg(test)]
mod tests;
