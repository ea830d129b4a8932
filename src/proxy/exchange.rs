//! One request over one connection, until the head of the answer is there.
use std::error::Error;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;

use super::ForwardError;
use super::codec::{ReadError, SendError};
use super::multiplex::Ticket;
use super::outgoing::Head;
use super::pool::Link;
use super::upload::{Progress, Upload};
use super::upstream::Way;
use crate::tls::Mistrust;
use crate::wire::{BodyError, BodyProblem, Deadline};

/// What became of a request.
pub(super) enum Sent {
    /// Over a connection of its own: the body is read from there.
    Answered(Response<()>),
    /// Over a shared one.
    Shared(Box<Response<Incoming>>),
    /// The connection had ended before anything was sent; what there is of a body is where it was.
    Unsent,
    /// The connection ended before a byte of an answer came; whether the request was taken, nobody knows.
    Lost(ForwardError),
    Failed(ForwardError),
}

/// Sends a request and drives the connection until the head of the answer is there.
///
/// The time that an upstream has is counted anew as long as the client's body moves: a long upload is no silent upstream.
pub(super) async fn send(
    way: &mut Way,
    request: &Head<'_>,
    place: &HeaderValue,
    secure: bool,
    upload: &mut Option<Upload>,
) -> Sent {
    let progress = upload.as_ref().and_then(Upload::progress);
    let within = request.within();
    match way {
        Way::Own(link) => {
            upload.iter_mut().for_each(|upload| upload.goes_over(false));
            link.codec.begin(request, place);
            send_alone(link, upload, progress.as_ref(), within).await
        }
        // On the heap: what goes the usual way needs no room for it.
        Way::Shared(ticket) => {
            Box::pin(send_shared(ticket, request, place, secure, upload, progress.as_ref(), within)).await
        }
    }
}

/// Over a connection that a task of its own drives.
async fn send_shared(
    ticket: &mut Ticket,
    request: &Head<'_>,
    place: &HeaderValue,
    secure: bool,
    upload: &mut Option<Upload>,
    progress: Option<&Arc<Progress>>,
    within: Duration,
) -> Sent {
    let mut body = upload.take().unwrap_or_default();
    body.goes_over(true);
    let request = match request.request(place, secure, body) {
        Ok(request) => request,
        Err(error) => return Sent::Failed(error),
    };
    ticket.deadline.set(within);
    let mut answer = pin!(ticket.sender.try_send_request(request));
    let deadline = &mut ticket.deadline;
    let sent = poll_fn(|cx| {
        if let Poll::Ready(outcome) = answer.as_mut().poll(cx) {
            return Poll::Ready(match outcome {
                Ok(response) => Sent::Shared(Box::new(response)),
                Err(error) => match progress.and_then(|progress| progress.failure()) {
                    Some(error) => Sent::Failed(of_body(error)),
                    None => unanswered(error, upload),
                },
            });
        }
        ready!(poll_late(deadline, progress, within, cx));
        Poll::Ready(Sent::Failed(ForwardError::ResponseTimeout))
    })
    .await;
    if matches!(sent, Sent::Unsent | Sent::Lost(_)) {
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

/// Over a connection that is driven here. An answer that comes before the request was sent whole counts.
async fn send_alone(
    link: &mut Link,
    upload: &mut Option<Upload>,
    progress: Option<&Arc<Progress>>,
    within: Duration,
) -> Sent {
    link.deadline.set(within);
    poll_fn(|cx| {
        if let Poll::Ready(Err(SendError(error))) = link.codec.poll_send(upload, cx) {
            return Poll::Ready(Sent::Failed(of_body(error)));
        }
        if let Poll::Ready(head) = link.codec.poll_head(cx) {
            return Poll::Ready(match head {
                Ok(response) => Sent::Answered(response),
                // Whether our certificate is believed, the upstream may say only now.
                Err(error) if let Some(mistrust) = Mistrust::in_chain(&error) => {
                    Sent::Failed(ForwardError::Tls(mistrust))
                }
                Err(ReadError::Unheard(_)) if link.codec.is_unsent(upload) => Sent::Unsent,
                Err(error @ ReadError::Unheard(_)) => Sent::Lost(ForwardError::broken(error)),
                Err(error) => Sent::Failed(ForwardError::broken(error)),
            });
        }
        ready!(poll_late(&mut link.deadline, progress, within, cx));
        Poll::Ready(Sent::Failed(ForwardError::ResponseTimeout))
    })
    .await
}

fn unanswered(mut error: TrySendError<Request<Upload>>, upload: &mut Option<Upload>) -> Sent {
    // Our certificate may be refused before anything was sent.
    if let Some(mistrust) = Mistrust::in_chain(error.error()) {
        return Sent::Failed(ForwardError::Tls(mistrust));
    }
    match error.take_message() {
        Some(request) => {
            *upload = Some(request.into_body());
            Sent::Unsent
        }
        None => {
            let error = error.into_error();
            if broke_off(&error) {
                Sent::Lost(ForwardError::broken(error))
            } else {
                Sent::Failed(ForwardError::broken(error))
            }
        }
    }
}

/// Why the client's body could not be read.
fn of_body(error: BodyError) -> ForwardError {
    let mut chain = std::iter::successors(Some(&*error as &(dyn Error + 'static)), |&error| error.source());
    match chain.find_map(|error| error.downcast_ref::<BodyProblem>()) {
        Some(BodyProblem::TooLarge) => ForwardError::RequestTooLarge,
        Some(BodyProblem::Stalled) => ForwardError::RequestStalled,
        Some(BodyProblem::Broken(cause)) if broke_off(cause.as_ref()) => ForwardError::ClientGone(error),
        Some(BodyProblem::Broken(_)) | None => ForwardError::RequestBroken(error),
    }
}

/// Whether somebody went away, and did not talk nonsense.
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
