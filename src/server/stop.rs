//! The order of an ending: signals, drain, last deadline.
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;

/// Ends a gateway in three steps: nothing new is accepted, what is in flight may finish, what is left is cut.
///
/// Cheap to clone; every clone is the same stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Beside the tokens, because asking a token takes its lock and every connection asks at every turn.
    draining: AtomicBool,
    cut: AtomicBool,
    drain_token: CancellationToken,
    cut_token: CancellationToken,
    tasks: TaskTracker,
    grace_millis: AtomicU64,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Everything in flight was finished.
    Complete,
    /// The grace was over, or a second signal came; so many connections and tasks were cut.
    Cut(usize),
}

impl Stop {
    /// `grace` is how long what is in flight may take after the first signal.
    pub(crate) fn new(grace: Duration) -> Self {
        let stop = Self(Arc::new(Inner {
            draining: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            drain_token: CancellationToken::new(),
            cut_token: CancellationToken::new(),
            tasks: TaskTracker::new(),
            grace_millis: AtomicU64::new(0),
        }));
        stop.set_grace(grace);
        stop
    }

    /// A reloaded file may say another grace.
    pub(crate) fn set_grace(&self, grace: Duration) {
        self.0.grace_millis.store(u64::try_from(grace.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// True from the first signal on.
    pub(crate) fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Acquire)
    }

    /// Ends when the drain begins.
    pub(crate) fn draining(&self) -> WaitForCancellationFutureOwned {
        self.0.drain_token.clone().cancelled_owned()
    }

    /// Accepts nothing new from now on; what is in flight goes on.
    pub(crate) fn begin(&self) {
        self.0.draining.store(true, Ordering::Release);
        self.0.drain_token.cancel();
    }

    /// Ends at once what is still in flight.
    pub(crate) fn cut(&self) {
        self.begin();
        self.0.cut.store(true, Ordering::Release);
        self.0.cut_token.cancel();
    }

    /// Starts a task that the end waits for; it should look at `draining()`.
    pub(crate) fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.0.tasks.spawn(task)
    }

    /// Waits for the drain to begin, then until everything has ended or the grace is over.
    pub(crate) async fn finished(&self) -> Ended {
        self.0.drain_token.cancelled().await;
        self.0.tasks.close();
        let grace = Duration::from_millis(self.0.grace_millis.load(Ordering::Relaxed));
        tokio::select! {
            () = self.0.tasks.wait() => return Ended::Complete,
            () = tokio::time::sleep(grace) => {}
            () = self.0.cut_token.cancelled() => {}
        }
        let left = self.0.tasks.len();
        self.cut();
        // A cut task ends at its next turn; one that does not look at the stop must not hold up the process.
        drop(tokio::time::timeout(AFTER_CUT, self.0.tasks.wait()).await);
        if left == 0 { Ended::Complete } else { Ended::Cut(left) }
    }

    pub(super) fn is_cut(&self) -> bool {
        self.0.cut.load(Ordering::Acquire)
    }

    pub(super) fn cutting(&self) -> WaitForCancellationFutureOwned {
        self.0.cut_token.clone().cancelled_owned()
    }

    pub(crate) fn child_token(&self) -> CancellationToken {
        self.0.drain_token.child_token()
    }
}

/// Listens for the signals of an operator: TERM and INT begin the end, a second one ends at once, HUP asks for a reload.
///
/// Requests for a reload that come while one is under way are taken together.
pub(crate) fn watch_signals(stop: &Stop, reload: mpsc::Sender<()>) -> io::Result<JoinHandle<()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let stop = stop.clone();
    Ok(tokio::spawn(async move {
        loop {
            let name = tokio::select! {
                _ = terminate.recv() => "TERM",
                _ = interrupt.recv() => "INT",
                _ = hangup.recv() => {
                    // Full means that a reload is asked for already.
                    let _ = reload.try_send(());
                    continue;
                }
            };
            if stop.is_draining() {
                tracing::warn!(signal = name, "second signal: ending at once");
                stop.cut();
                return;
            }
            tracing::info!(signal = name, "stopping: finishing what is in flight");
            stop.begin();
        }
    }))
}

/// How long a cut task may take to notice.
const AFTER_CUT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stop_without_tasks_is_complete_at_once() {
        let stop = Stop::new(Duration::from_secs(60));
        assert!(!stop.is_draining());
        stop.begin();
        assert_eq!(stop.finished().await, Ended::Complete);
        assert!(stop.is_draining());
    }

    #[tokio::test]
    async fn a_task_in_flight_is_waited_for() {
        let stop = Stop::new(Duration::from_secs(60));
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        stop.spawn(gone);
        stop.begin();
        let mut finished = std::pin::pin!(stop.finished());
        assert!(tokio::time::timeout(Duration::from_millis(20), &mut finished).await.is_err());
        go.send(()).unwrap();
        assert_eq!(finished.await, Ended::Complete);
    }

    #[tokio::test]
    async fn after_the_grace_what_is_left_is_cut() {
        let stop = Stop::new(Duration::from_millis(20));
        stop.spawn(stop.cutting());
        stop.begin();
        assert_eq!(stop.finished().await, Ended::Cut(1));
    }

    #[tokio::test]
    async fn a_second_signal_does_not_wait_for_the_grace() {
        let stop = Stop::new(Duration::from_secs(3600));
        stop.spawn(stop.cutting());
        stop.begin();
        stop.cut();
        assert_eq!(stop.finished().await, Ended::Cut(1));
    }

    #[tokio::test]
    async fn signals_reload_drain_and_cut() {
        let stop = Stop::new(Duration::from_secs(3600));
        let (reload, mut reloads) = mpsc::channel(1);
        drop(watch_signals(&stop, reload).unwrap());
        send("-HUP").await;
        assert_eq!(reloads.recv().await, Some(()));
        assert!(!stop.is_draining());
        send("-TERM").await;
        stop.draining().await;
        assert!(!stop.is_cut());
        send("-INT").await;
        stop.cutting().await;
        assert!(stop.is_cut());
    }

    async fn send(signal: &'static str) {
        let me = std::process::id().to_string();
        let kill = move || std::process::Command::new("kill").args([signal, &me]).status();
        assert!(tokio::task::spawn_blocking(kill).await.unwrap().unwrap().success());
    }
}
