//! One request and the head of its answer, over one connection.
use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;

use super::ForwardError;
use super::multiplex::Ticket;
use super::pool::Link;
use super::upload::{Progress, Upload};
use super::upstream::Way;
use crate::tls::Mistrust;
use crate::wire::{BodyProblem, Deadline};

/// What became of a request.
pub(super) enum Sent {
    Answered(Box<Response<Incoming>>),
    /// The connection had ended before anything was sent: here is the request again.
    Unsent(Box<Request<Upload>>),
    /// The connection ended before a byte of an answer came; whether the request was taken, nobody knows.
    Lost(ForwardError),
    Failed(ForwardError),
}

/// Sends a request and drives the connection until the head of the answer is there.
///
/// `within` is counted anew as long as the client's body moves: a long upload is no silent upstream.
pub(super) async fn send(
    way: &mut Way,
    request: Request<Upload>,
    upload: Option<&Arc<Progress>>,
    within: Duration,
) -> Sent {
    match way {
        Way::Own(link) => send_alone(link, request, upload, within).await,
        Way::Shared(ticket) => Box::pin(send_shared(ticket, request, upload, within)).await,
    }
}

/// Over a connection that a task of its own drives.
async fn send_shared(
    ticket: &mut Ticket,
    request: Request<Upload>,
    upload: Option<&Arc<Progress>>,
    within: Duration,
) -> Sent {
    ticket.deadline.set(within);
    let mut answer = pin!(ticket.sender.try_send_request(request));
    let deadline = &mut ticket.deadline;
    let sent = poll_fn(|cx| {
        if let Poll::Ready(outcome) = answer.as_mut().poll(cx) {
            return Poll::Ready(match outcome {
                Ok(response) => Sent::Answered(Box::new(response)),
                Err(error) => unanswered(error),
            });
        }
        ready!(poll_late(deadline, upload, within, cx));
        Poll::Ready(Sent::Failed(ForwardError::ResponseTimeout))
    })
    .await;
    if matches!(sent, Sent::Unsent(_) | Sent::Lost(_)) {
        ticket.shun();
    }
    sent
}

/// Ready when the answer is late; a client's body that moves gives it more time.
fn poll_late(
    deadline: &mut Deadline,
    upload: Option<&Arc<Progress>>,
    within: Duration,
    cx: &mut Context<'_>,
) -> Poll<()> {
    while deadline.poll_passed(cx).is_ready() {
        if !upload.is_some_and(|progress| progress.has_moved()) {
            return Poll::Ready(());
        }
        deadline.set(within);
    }
    Poll::Pending
}

/// Over a connection that is driven here.
async fn send_alone(
    link: &mut Link,
    request: Request<Upload>,
    upload: Option<&Arc<Progress>>,
    within: Duration,
) -> Sent {
    link.deadline.set(within);
    let mut answer = pin!(link.sender.try_send_request(request));
    poll_fn(|cx| {
        let connection = Pin::new(&mut link.connection).poll(cx);
        link.over |= connection.is_ready();
        if let Poll::Ready(outcome) = answer.as_mut().poll(cx) {
            return Poll::Ready(match outcome {
                Ok(response) => Sent::Answered(Box::new(response)),
                Err(error) => unanswered(error),
            });
        }
        if connection.is_ready() {
            let ended = io::Error::from(io::ErrorKind::UnexpectedEof);
            return Poll::Ready(Sent::Lost(ForwardError::BadResponse(Box::new(ended))));
        }
        ready!(poll_late(&mut link.deadline, upload, within, cx));
        Poll::Ready(Sent::Failed(ForwardError::ResponseTimeout))
    })
    .await
}

fn unanswered(mut error: TrySendError<Request<Upload>>) -> Sent {
    // Our certificate may be refused before anything was sent.
    if let Some(mistrust) = Mistrust::in_chain(error.error()) {
        return Sent::Failed(ForwardError::Tls(mistrust));
    }
    match error.take_message() {
        Some(request) => Sent::Unsent(Box::new(request)),
        None => {
            let error = error.into_error();
            let lost = is_from_upstream(&error) && broke_off(&error);
            if lost { Sent::Lost(ForwardError::broken(error)) } else { Sent::Failed(reason(error)) }
        }
    }
}

/// Not from the client's body on its way.
fn is_from_upstream(error: &hyper::Error) -> bool {
    error.source().and_then(|source| source.downcast_ref::<BodyProblem>()).is_none()
}

/// Whose fault it was: the client's, whose body could not be read, or the upstream's.
fn reason(error: hyper::Error) -> ForwardError {
    match error.source().and_then(|source| source.downcast_ref::<BodyProblem>()) {
        Some(BodyProblem::TooLarge) => ForwardError::RequestTooLarge,
        Some(BodyProblem::Stalled) => ForwardError::RequestStalled,
        Some(BodyProblem::Broken(cause)) if broke_off(cause.as_ref()) => ForwardError::ClientGone(Box::new(error)),
        Some(BodyProblem::Broken(_)) => ForwardError::RequestBroken(Box::new(error)),
        None => ForwardError::broken(error),
    }
}

/// Whether a client's body ended because the client went away, and not because it was malformed.
fn broke_off(error: &(dyn Error + 'static)) -> bool {
    let mut chain = std::iter::successors(Some(error), |&error| error.source());
    chain.any(|error| {
        let hyper = error.downcast_ref::<hyper::Error>();
        let io = error.downcast_ref::<io::Error>().map(io::Error::kind);
        hyper.is_some_and(hyper::Error::is_incomplete_message)
            || matches!(
                io,
                Some(io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
            )
    })
}
