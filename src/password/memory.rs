//! The memory that hashing fills, kept between runs.
//!
//! Fresh memory costs a page fault for every four of its blocks, which is two fifths of a run at the default cost. So memory stays
//! while people sign in, and goes back to the system when nobody has for a while: a gateway at rest is small.
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use argon2::Block;
use zeroize::Zeroize;

/// Pieces of memory, all of one size. Whoever runs holds a permit, so there are never more pieces than permits.
#[derive(Debug)]
pub(super) struct Memory {
    blocks: usize,
    /// How long nobody must have signed in before memory goes back.
    idle: Duration,
    kept: Mutex<Vec<Vec<Block>>>,
    /// Since the last look of the one who gives memory back.
    used: AtomicBool,
    /// Somebody is waiting to give memory back.
    watched: AtomicBool,
}

impl Memory {
    pub(super) fn new(blocks: usize, idle: Duration) -> Arc<Self> {
        Arc::new(Self {
            blocks,
            idle,
            kept: Mutex::default(),
            used: AtomicBool::default(),
            watched: AtomicBool::default(),
        })
    }

    /// Lends at least `blocks` blocks to `run` and wipes them afterwards. `None`: there is no memory, or `run` gave none.
    pub(super) fn lend<T>(self: &Arc<Self>, blocks: usize, run: impl FnOnce(&mut [Block]) -> Option<T>) -> Option<T> {
        let kept = if blocks <= self.blocks { self.kept().pop() } else { None };
        let mut piece = kept.map_or_else(|| fresh(blocks.max(self.blocks)), Some)?;
        let result = run(&mut piece);
        piece.iter_mut().for_each(Zeroize::zeroize);
        if piece.len() == self.blocks {
            self.kept().push(piece);
            self.used.store(true, Ordering::Relaxed);
            self.give_back_when_idle();
        }
        result
    }

    /// One task at most, and only while there is something to give back. Outside of a runtime nothing is given back before the end.
    fn give_back_when_idle(self: &Arc<Self>) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if !self.watched.swap(true, Ordering::AcqRel) {
            let (memory, idle) = (Arc::downgrade(self), self.idle);
            runtime.spawn(async move { while !is_given_back(&memory, idle).await {} });
        }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn is_given_back(memory: &Weak<Memory>, idle: Duration) -> bool {
    tokio::time::sleep(idle).await;
    let Some(memory) = memory.upgrade() else { return true };
    if memory.used.swap(false, Ordering::Relaxed) {
        return false;
    }
    // Before the pieces go: a run that ends in between starts its own watch.
    memory.watched.store(false, Ordering::Release);
    let pieces = std::mem::take(&mut *memory.kept());
    drop(pieces);
    true
}

/// Asks first: a gateway that cannot have the memory answers "busy" and does not abort.
fn fresh(blocks: usize) -> Option<Vec<Block>> {
    let mut piece = Vec::new();
    piece.try_reserve_exact(blocks).ok()?;
    piece.resize(blocks, Block::new());
    Some(piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_lent_wiped_and_kept() {
        let memory = Memory::new(16, Duration::ZERO);
        let mark = |piece: &mut [Block]| {
            assert!(piece.iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
            piece.iter_mut().for_each(|block| block.as_mut().fill(7));
            Some(piece.len())
        };
        for blocks in [16, 8, 16] {
            assert_eq!(memory.lend(blocks, mark), Some(16));
            assert_eq!(memory.kept().len(), 1);
        }
    }

    #[test]
    fn a_larger_piece_is_lent_and_not_kept() {
        let memory = Memory::new(16, Duration::ZERO);
        assert_eq!(memory.lend(64, |piece| Some(piece.len())), Some(64));
        assert_eq!(memory.kept().len(), 0);
    }

    #[test]
    fn what_cannot_be_had_is_not_lent() {
        let memory = Memory::new(16, Duration::ZERO);
        assert_eq!(memory.lend(usize::MAX / 2048, |piece| Some(piece.len())), None);
    }

    #[tokio::test]
    async fn memory_goes_back_when_nobody_signs_in() {
        let memory = Memory::new(16, Duration::from_millis(5));
        for _ in 0..2 {
            memory.lend(16, |_| Some(()));
            assert_eq!(memory.kept().len(), 1);
            while !memory.kept().is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }

    #[tokio::test]
    async fn memory_stays_while_people_sign_in() {
        let memory = Memory::new(16, Duration::from_secs(3600));
        memory.lend(16, |_| Some(()));
        tokio::task::yield_now().await;
        assert!(!is_given_back(&Arc::downgrade(&memory), Duration::ZERO).await, "used since the last look");
        assert_eq!(memory.kept().len(), 1);
        assert!(is_given_back(&Arc::downgrade(&memory), Duration::ZERO).await);
        assert_eq!(memory.kept().len(), 0);
    }
}
