//! A thread of its own for each run, that stands behind all others.
//!
//! A run takes a whole core for some milliseconds. Where all cores are taken by runs, requests would wait for a turn of the scheduler
//! each time a piece of them arrives. So runs have a lower priority, and of several cores one is never theirs: a thread that is behind
//! is still left its turn of some milliseconds.
#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, scope};

use tokio::runtime::Handle;

/// Runs `job` with low priority. `None`: it gave none, it panicked, or there is no thread to be had.
pub(super) fn aside<T: Send>(job: impl FnOnce() -> Option<T> + Send) -> Option<T> {
    let runtime = Handle::try_current().ok();
    scope(|threads| {
        let run = move || {
            // What is lent for the run looks for the runtime, and finds it.
            let _entered = runtime.as_ref().map(Handle::enter);
            stand_back();
            job()
        };
        // A thread may not raise itself again, so none of those that others share is lowered.
        Builder::new().name("password".to_owned()).spawn_scoped(threads, run).ok()?.join().ok().flatten()
    })
}

/// Where it is refused the run is as urgent as the rest, and right all the same; the log says so once.
#[cfg(target_os = "linux")]
fn stand_back() {
    // On Linux "nobody named" is the thread that asks; elsewhere it is the whole process.
    if rustix::process::getpriority_process(None).is_ok_and(|now| now < NICE) {
        told(&TOLD, rustix::process::setpriority_process(None, NICE));
    }
    told(&TOLD, leave_a_core());
}

/// Tells of the first that is refused; says whether it did.
#[cfg(target_os = "linux")]
fn told(once: &AtomicBool, done: rustix::io::Result<()>) -> bool {
    let Err(error) = done else { return false };
    let first = !once.swap(true, Ordering::Relaxed);
    if first {
        tracing::warn!(
            %error,
            "passwords are hashed as urgently as requests are served, so a flood of sign-ins holds requests up: let this \
             program call setpriority and sched_setaffinity (SystemCallFilter of the unit, seccomp of the container)"
        );
    }
    first
}

/// Takes the first core off those of this thread, where it has several.
#[cfg(target_os = "linux")]
fn leave_a_core() -> rustix::io::Result<()> {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let Ok(mut cores) = sched_getaffinity(None) else { return Ok(()) };
    if cores.count() > 1
        && let Some(first) = (0..CpuSet::MAX_CPU).find(|&core| cores.is_set(core))
    {
        cores.unset(first);
        sched_setaffinity(None, &cores)?;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn stand_back() {}

#[cfg(target_os = "linux")]
static TOLD: AtomicBool = AtomicBool::new(false);

/// A tenth of a core that somebody else wants all of: a sign-in is slow then, and not forgotten.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn priority() -> Option<i32> {
        rustix::process::getpriority_process(None).ok()
    }

    #[test]
    fn a_run_stands_behind_and_who_waits_for_it_does_not() {
        let before = priority().unwrap();
        assert_eq!(aside(priority), Some(NICE.max(before)));
        assert_eq!(priority(), Some(before));
    }

    #[test]
    fn a_run_leaves_a_core_to_all_others_where_there_are_several() {
        let cores = || rustix::thread::sched_getaffinity(None).ok().map(|cores| cores.count());
        let before = cores().unwrap();
        assert_eq!(aside(cores), Some((before - 1).max(1)));
        assert_eq!(cores(), Some(before), "whoever waits for it keeps all");
    }

    #[test]
    fn what_is_refused_is_told_once_and_the_unit_refuses_none_of_it() {
        let once = AtomicBool::new(false);
        assert!(!told(&once, Ok(())));
        assert!(told(&once, Err(rustix::io::Errno::PERM)));
        assert!(!told(&once, Err(rustix::io::Errno::PERM)));
        let unit = include_str!("../../../config/authgate.service");
        let (_, after) = unit.split_once("\nSystemCallFilter=~@privileged @resources\n").unwrap();
        assert!(after.contains("\nSystemCallFilter=setpriority sched_setaffinity\n"));
    }

    #[test]
    fn a_run_that_panics_gave_nothing() {
        assert_eq!(aside(|| -> Option<()> { panic!("on purpose") }), None);
    }

    #[tokio::test]
    async fn a_run_finds_the_runtime() {
        let found = tokio::task::spawn_blocking(|| aside(|| Some(Handle::try_current().is_ok()))).await.unwrap();
        assert_eq!(found, Some(true));
    }
}
