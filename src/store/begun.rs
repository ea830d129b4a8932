//! Whether a piece of work has begun to write: from then on it is not left half done.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Turns true with the first transaction that may write, whatever becomes of that.
#[derive(Debug, Clone, Default)]
pub(crate) struct Begun(Arc<AtomicBool>);

tokio::task_local! {
    static BEGUN: Begun;
}

impl Begun {
    /// The same work, which is watched.
    pub(crate) fn watch<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        BEGUN.scope(self.clone(), work)
    }

    pub(crate) fn is_true(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Nobody watches what the gateway does by itself.
    pub(super) fn note() {
        BEGUN.try_with(|begun| begun.0.store(true, Ordering::Relaxed)).unwrap_or_default();
    }
}
