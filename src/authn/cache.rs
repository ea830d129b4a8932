//! Tokens already verified: a signature is checked once, everything that can change is asked on every request.
use std::fmt;
use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::token::Identity;

/// Identities by the whole text of their token, so that no two tokens can share an entry. Bounded in entries and in the
/// size of each: the longest of them together stay under 16 MiB.
///
/// Each knows with which keys it was verified; other keys, and it is verified again.
pub(super) struct Verified(Cache<Box<[u8]>, (u64, Arc<Identity>)>);

impl Verified {
    pub(super) fn new() -> Self {
        Self(Cache::new(MOST_TOKENS))
    }

    /// `turn` is that of the keys in force.
    pub(super) fn find(&self, token: &[u8], turn: u64) -> Option<Arc<Identity>> {
        self.0.get(token).filter(|(verified, _)| *verified == turn).map(|(_, identity)| identity)
    }

    /// Keeps what verified; a token of unusual length is verified each time.
    pub(super) fn keep(&self, token: &[u8], turn: u64, identity: &Arc<Identity>) {
        if token.len() <= LONGEST_TOKEN {
            self.0.insert(token.into(), (turn, Arc::clone(identity)));
        }
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verified({} tokens)", self.0.len())
    }
}

/// Five thousand people at work at the same time on one node: their tokens take about 10 MB.
const MOST_TOKENS: usize = 5 * 1024;
/// Ours have 500 to 800 characters.
const LONGEST_TOKEN: usize = 1536;
