//! A connection that stops being HTTP: who answers a request may take it over.
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::rt::{Read, Write};

/// The bytes of a connection, whatever it is made of.
pub(crate) trait Io: Read + Write + Send + Unpin {}

impl<T: Read + Write + Send + Unpin> Io for T {}

/// Ready when the gateway begins to stop.
pub(crate) type Stopping = Pin<Box<dyn Future<Output = ()> + Send>>;

type Work = Box<dyn FnOnce(Box<dyn Io>, Stopping) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// What becomes of the client's connection after an answer of 101, or of its stream after a CONNECT. It travels in the answer's extensions; who serves the
/// connection runs it there, so that it counts as that connection until it ends.
#[derive(Clone)]
pub(crate) struct Takeover(Arc<Mutex<Option<Work>>>);

impl Takeover {
    pub(crate) fn new<F>(work: impl FnOnce(Box<dyn Io>, Stopping) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let boxed: Work = Box::new(move |io, stopping| Box::pin(work(io, stopping)));
        Self(Arc::new(Mutex::new(Some(boxed))))
    }

    /// Runs until the connection is done with; the second time there is nothing left to do.
    pub(crate) async fn run(self, io: Box<dyn Io>, stopping: Stopping) {
        let work = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(work) = work {
            work(io, stopping).await;
        }
    }
}

impl fmt::Debug for Takeover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Takeover(..)")
    }
}
