//! One request over one connection, until the head of the answer is there.
use std::error::Error;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use h2::Reason;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
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

/// The head of an answer, and where its body is.
#[derive(Debug)]
pub(super) enum Answer {
    /// On the connection, which is ours alone.
    Own(Response<()>),
    /// On its way over a connection that others use too.
    Shared(Box<Response<Incoming>>),
}

impl Answer {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Own(response) => response.status(),
            Self::Shared(response) => response.status(),
        }
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        match self {
            Self::Own(response) => response.headers(),
            Self::Shared(response) => response.headers(),
        }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Missed {
    /// The connection had ended before anything was sent; what there is of a body is where it was.
    Unsent,
    /// The upstream ends the connection in peace and did nothing with the request, which is no failure (RFC 9113, section 8.7); a
    /// body is gone.
    Declined(ForwardError),
    /// It did nothing with just this one.
    Refused(ForwardError),
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
) -> Result<Answer, Missed> {
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
) -> Result<Answer, Missed> {
    let mut body = upload.take().unwrap_or_default();
    body.goes_over(true);
    let request = match request.request(place, secure, body) {
        Ok(request) => request,
        Err(error) => return Err(Missed::Failed(error)),
    };
    ticket.deadline.set(within);
    let mut answer = pin!(ticket.sender.try_send_request(request));
    let deadline = &mut ticket.deadline;
    let sent = poll_fn(|cx| {
        if let Poll::Ready(outcome) = answer.as_mut().poll(cx) {
            return Poll::Ready(match outcome {
                Ok(response) => Ok(Answer::Shared(Box::new(response))),
                Err(error) => match progress.and_then(|progress| progress.failure()) {
                    Some(error) => Err(Missed::Failed(of_body(error))),
                    None => Err(unanswered(error, upload)),
                },
            });
        }
        ready!(poll_late(deadline, progress, within, cx));
        Poll::Ready(Err(Missed::Failed(ForwardError::ResponseTimeout)))
    })
    .await;
    match &sent {
        Err(Missed::Unsent | Missed::Lost(_) | Missed::Declined(_)) => ticket.shun(),
        Ok(_) | Err(Missed::Refused(_) | Missed::Failed(_)) => {}
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
) -> Result<Answer, Missed> {
    link.deadline.set(within);
    poll_fn(|cx| {
        if let Poll::Ready(Err(SendError(error))) = link.codec.poll_send(upload, cx) {
            return Poll::Ready(Err(Missed::Failed(of_body(error))));
        }
        if let Poll::Ready(head) = link.codec.poll_head(cx) {
            return Poll::Ready(match head {
                Ok(response) => Ok(Answer::Own(response)),
                // Whether our certificate is believed, the upstream may say only now.
                Err(error) if let Some(mistrust) = Mistrust::in_chain(&error) => {
                    Err(Missed::Failed(ForwardError::Tls(mistrust)))
                }
                Err(ReadError::Unheard(_)) if link.codec.is_unsent(upload) => Err(Missed::Unsent),
                Err(error @ ReadError::Unheard(_)) => Err(Missed::Lost(ForwardError::broken(error))),
                Err(error) => Err(Missed::Failed(ForwardError::broken(error))),
            });
        }
        ready!(poll_late(&mut link.deadline, progress, within, cx));
        Poll::Ready(Err(Missed::Failed(ForwardError::ResponseTimeout)))
    })
    .await
}

fn unanswered(mut error: TrySendError<Request<Upload>>, upload: &mut Option<Upload>) -> Missed {
    // Our certificate may be refused before anything was sent.
    if let Some(mistrust) = Mistrust::in_chain(error.error()) {
        return Missed::Failed(ForwardError::Tls(mistrust));
    }
    match error.take_message() {
        Some(request) => {
            *upload = Some(request.into_body());
            Missed::Unsent
        }
        None => {
            let error = error.into_error();
            let missed = match declined(&error) {
                Some(Reason::NO_ERROR) => Missed::Declined,
                Some(_) => Missed::Refused,
                None if broke_off(&error) => Missed::Lost,
                None => Missed::Failed,
            };
            missed(ForwardError::broken(error))
        }
    }
}

/// How the upstream said, of this very stream, that nothing was done: it ends the connection in peace, and the stream came too
/// late; or it refuses just this one.
fn declined(error: &(dyn Error + 'static)) -> Option<Reason> {
    let mut chain = std::iter::successors(Some(error), |&error| error.source());
    let error = chain.find_map(|error| error.downcast_ref::<h2::Error>()).filter(|error| error.is_remote())?;
    error.reason().filter(|reason| match *reason {
        Reason::NO_ERROR => error.is_go_away(),
        Reason::REFUSED_STREAM => error.is_reset(),
        _ => false,
    })
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
