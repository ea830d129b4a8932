//! Counting with the other nodes: buckets that all of them take from.
use std::fmt;
use std::pin::Pin;
use std::time::Duration;

/// Where the nodes count together.
pub(crate) trait Counts: fmt::Debug + Send + Sync {
    /// Takes one drop from each bucket in turn, up to the first that is empty.
    fn take<'a>(&'a self, buckets: &'a [Bucket]) -> Asked<'a, Taken>;

    /// Puts one drop back into each.
    fn give_back<'a>(&'a self, buckets: &'a [Bucket]) -> Asked<'a, ()>;
}

/// An answer to wait for; never for longer than a moment.
pub(crate) type Asked<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A bucket and how it fills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// The same on all nodes, and nobody's else; it tells nothing of whom it is about.
    pub(crate) key: String,
    /// It gains a drop so often.
    pub(crate) every: Duration,
    /// An empty one is full after this long.
    pub(crate) full_in: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    All,
    /// All before the `nth` were taken from, that one and those behind it were not.
    Empty {
        nth: usize,
        retry_after: Duration,
    },
    /// Nobody answered: each node counts for itself.
    Away,
}
