//! How often: a bucket that is told the time.
use std::time::Duration;

/// So many in so long, from "20/m".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) count: u32,
    pub(crate) per: Duration,
}
