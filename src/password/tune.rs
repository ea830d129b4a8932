//! What Argon2id may cost on this machine.
use std::time::Duration;

use tokio::time::Instant;

use super::Argon2Cost;
use super::argon;

/// A cost, and how long it takes here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tuned {
    pub(crate) cost: Argon2Cost,
    pub(crate) took: Duration,
}

/// The most memory, and then the most passes, that stay within `target`. Never less than the default, even where that takes longer.
/// `None`: there is no memory to measure with. `at` hears of each of the [`STEPS`].
pub(crate) fn tune(target: Duration, mut at: impl FnMut(u64)) -> Option<Tuned> {
    let mut best = measure(Argon2Cost::default())?;
    for (step, mib) in (1..).zip(MEMORIES) {
        at(step);
        let cost = Argon2Cost { memory_kib: mib * 1024, ..Argon2Cost::default() };
        let Some(tuned) = measure(cost).filter(|tuned| tuned.took <= target) else { break };
        best = tuned;
    }
    at(STEPS - 1);
    let pass = best.took.as_micros().max(1) / u128::from(best.cost.iterations);
    let passes = u32::try_from(target.as_micros() / pass.max(1)).unwrap_or(MOST_PASSES);
    let iterations = passes.clamp(best.cost.iterations, MOST_PASSES);
    let tuned = measure(Argon2Cost { iterations, ..best.cost })?;
    at(STEPS);
    Some(tuned)
}

/// The middle of three runs.
fn measure(cost: Argon2Cost) -> Option<Tuned> {
    let mut memory = Vec::new();
    memory.try_reserve_exact(argon::blocks(cost)).ok()?;
    memory.resize(argon::blocks(cost), argon2::Block::new());
    let mut times = [Duration::ZERO; 3];
    for time in &mut times {
        let begun = Instant::now();
        argon::hash(b"a password of usual length", cost, &mut memory)?;
        *time = begun.elapsed();
    }
    times.sort_unstable();
    Some(Tuned { cost, took: times[1] })
}

/// In MiB, beyond the default. More helps against guessing, and must be there once for each hash at once.
const MEMORIES: [u32; 4] = [32, 46, 64, 128];
const MOST_PASSES: u32 = 64;
/// What `at` hears last.
pub(crate) const STEPS: u64 = 6;
