//! What somebody asked for and went away from: once it has begun to write it goes on to its end, so that whatever is changed is
//! announced, written down and told by letter too.
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::server::Stop;
use crate::store::Begun;

/// Does what changes something. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Errands {
    stop: Stop,
    /// For those whose sender is gone.
    places: Arc<Semaphore>,
}

impl Errands {
    /// The end of the gateway waits for those that go on without their sender.
    pub(crate) fn new(stop: Stop) -> Self {
        Self { stop, places: Arc::new(Semaphore::new(MOST)) }
    }

    /// Does it for as long as somebody waits: a body that is still read, a password that is not hashed yet and whatever else comes
    /// before the first change ends with the waiting. `None`: so many go on alone that nothing more is begun.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        if self.places.available_permits() == 0 {
            return None;
        }
        let begun = Begun::default();
        let work = begun.watch(work);
        Some(Errand { work: Some(Box::pin(work)), begun, errands: self.clone() }.await)
    }
}

struct Errand<T: Send + 'static> {
    /// Nothing when it is done, or has panicked.
    work: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    begun: Begun,
    errands: Errands,
}

impl<T: Send + 'static> Future for Errand<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let errand = self.get_mut();
        let Some(mut work) = errand.work.take() else { return Poll::Pending };
        let polled = work.as_mut().poll(cx);
        if polled.is_pending() {
            errand.work = Some(work);
        }
        polled
    }
}

/// The sender left, or the connection ended otherwise.
impl<T: Send + 'static> Drop for Errand<T> {
    fn drop(&mut self) {
        let Some(work) = self.work.take().filter(|_| self.begun.is_true()) else { return };
        if Handle::try_current().is_err() {
            return;
        }
        // What was under way when the last place was taken goes on without one: no more of that than there were requests.
        let place = Arc::clone(&self.errands.places).try_acquire_owned().ok();
        drop(self.errands.stop.spawn(async move {
            drop(work.await);
            drop(place);
        }));
    }
}

impl<T: Send + 'static> fmt::Debug for Errand<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Errand").field("begun", &self.begun).finish_non_exhaustive()
    }
}

/// So many go on without their sender. Each waits for the store alone, which answers or gives up within seconds.
const MOST: usize = 1024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;
    use tokio::time::timeout;

    use super::*;
    use crate::base::Timestamp;
    use crate::server::Ended;
    use crate::store::{Settings, Store};

    async fn store(folder: &tempfile::TempDir) -> Store {
        Store::open(&Settings::Sqlite { path: folder.path().join("store.db") }).await.unwrap()
    }

    /// Changes something or reads only, and then waits to be told to go on and tells that it is done.
    fn work(
        store: Store,
        writes: bool,
    ) -> (impl Future<Output = ()> + Send + 'static, oneshot::Receiver<()>, oneshot::Sender<()>, oneshot::Receiver<()>)
    {
        let ((half, halved), (go, gone), (done, told)) = (oneshot::channel(), oneshot::channel(), oneshot::channel());
        let work = async move {
            if writes {
                store.forget_expired(Timestamp::from_seconds(1)).await.unwrap();
            } else {
                store.ping().await.unwrap();
            }
            half.send(()).unwrap();
            gone.await.unwrap();
            done.send(()).unwrap();
        };
        (work, halved, go, told)
    }

    #[tokio::test]
    async fn what_has_written_goes_on_without_its_sender_and_the_stop_waits_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let stop = Stop::new(Duration::from_secs(60));
        let errands = Errands::new(stop.clone());
        let (work, halved, go, told) = work(store(&folder).await, true);
        let waiting = tokio::spawn(async move { errands.run(work).await });
        halved.await.unwrap();
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        stop.begin();
        let mut finished = std::pin::pin!(stop.finished());
        assert!(timeout(Duration::from_millis(20), finished.as_mut()).await.is_err());
        go.send(()).unwrap();
        told.await.unwrap();
        assert_eq!(finished.await, Ended::Complete);
    }

    #[tokio::test]
    async fn what_has_written_nothing_ends_with_the_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let errands = Errands::new(Stop::new(Duration::from_secs(60)));
        let (work, halved, go, told) = work(store(&folder).await, false);
        let waiting = tokio::spawn(async move { errands.run(work).await });
        halved.await.unwrap();
        waiting.abort();
        assert!(told.await.is_err() && go.is_closed());
    }

    #[tokio::test]
    async fn while_too_many_go_on_alone_nothing_more_is_begun() {
        let errands = Errands::new(Stop::new(Duration::from_secs(60)));
        let all = Arc::clone(&errands.places).try_acquire_many_owned(u32::try_from(MOST).unwrap()).unwrap();
        assert_eq!(errands.run(async { 1 }).await, None);
        drop(all);
        assert_eq!(errands.run(async { 1 }).await, Some(1));
    }
}
