//! Random numbers where speed matters and secrecy does not: request ids, which of two addresses.
use std::cell::Cell;

use super::random_bytes;

/// 64 random bits from a generator of this thread, seeded once from the system's. Never for secrets.
pub(crate) fn quick_random() -> u64 {
    STATE.with(|state| {
        // SplitMix64 (Steele, Lea, Flood 2014): one addition and three mixing steps.
        let next = state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set(next);
        let mixed = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}

thread_local! {
    static STATE: Cell<u64> = Cell::new(u64::from_ne_bytes(random_bytes::<8>()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_thousand_numbers_are_all_different() {
        let numbers: std::collections::HashSet<_> = (0..100_000).map(|_| quick_random()).collect();
        assert_eq!(numbers.len(), 100_000);
    }
}
