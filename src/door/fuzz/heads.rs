//! Bytes of a connection before anybody has made a message of them.
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use httparse::{EMPTY_HEADER, Request, Status};

use super::{Promise, hold};
use crate::proxy::ReadAnswer;
use crate::server::{announced as read_announcement, handed_on};

/// The head of a request: the verdict does not depend on the pieces, and what another reader takes for a head has one meaning.
pub fn head(bytes: &[u8]) -> Promise {
    let whole = handed_on(bytes, bytes.len().max(1));
    for pieces in [1, 7] {
        hold(handed_on(bytes, pieces) == whole, "the verdict on a head depends on the pieces it comes in")?;
    }
    let mut fields = [EMPTY_HEADER; 64];
    let mut request = Request::new(&mut fields);
    let Ok(Status::Complete(length)) = request.parse(bytes) else { return Ok(()) };
    if whole.is_some_and(|good| good < length) {
        return Ok(());
    }
    let lines = bytes.get(..length).unwrap_or_default();
    let bare = lines.iter().zip(lines.iter().skip(1)).any(|(before, byte)| *byte == b'\n' && *before != b'\r');
    hold(!bare, "a line that ends in LF alone was handed on")?;
    hold(!request.path.unwrap_or_default().contains('#'), "a fragment was handed on")?;
    let values = |name: &str| -> Vec<&[u8]> {
        request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value).collect()
    };
    let (lengths, codings) = (values("content-length"), values("transfer-encoding"));
    hold(lengths.len() + codings.len() <= 1, "a head that tells its length twice was handed on")?;
    let digits = |value: &&[u8]| !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    hold(lengths.iter().all(digits), "a length that is no number was handed on")?;
    let chunked = |value: &&[u8]| value.trim_ascii().eq_ignore_ascii_case(b"chunked");
    hold(codings.iter().all(chunked), "a coding other than chunked was handed on")
}

/// The PROXY protocol: not a byte more is read than belongs to it, and not a byte less will do.
pub fn announced(bytes: &[u8]) -> Promise {
    let read = |bytes: &[u8]| {
        let mut left = bytes;
        let outcome = at_once(read_announcement(&mut left));
        outcome.map(|outcome| (outcome.map_err(|error| error.kind()), bytes.len() - left.len()))
    };
    let Some((Ok(address), taken)) = read(bytes) else { return Ok(()) };
    let alone = bytes.get(..taken).unwrap_or_default();
    hold(read(alone) == Some((Ok(address), taken)), "an announcement is read otherwise when nothing follows it")?;
    let short = alone.split_last().map(|(_, short)| short).unwrap_or_default();
    let cut = read(short).is_some_and(|(outcome, _)| outcome == Err(std::io::ErrorKind::UnexpectedEof));
    hold(cut, "an announcement was read before its end")?;
    let mapped = address.is_some_and(|ip| ip != ip.to_canonical());
    hold(!mapped, "an announced address is written in two ways")
}

/// An upstream's answer: it is read alike in whatever pieces it comes.
pub fn answer(bytes: &[u8]) -> Promise {
    let Some((first, bytes)) = bytes.split_first() else { return Ok(()) };
    let bytes = bytes.get(..MOST_ANSWER).unwrap_or(bytes);
    let read = |pieces| {
        RUNTIME.with(|runtime| runtime.as_ref()?.block_on(ReadAnswer::read(bytes, pieces, first & 1 == 1)).ok())
    };
    let whole = read(bytes.len().max(1));
    // One byte at a time takes long, so only short ones come like that.
    let pieces = if bytes.len() < 200 { 1 } else { 61 };
    hold(whole.is_some() && read(pieces) == whole, "an answer is read otherwise in pieces")
}

/// What is there is there: nobody has to be waited for.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

thread_local! {
    static RUNTIME: Option<tokio::runtime::Runtime> = tokio::runtime::Builder::new_current_thread().enable_all().build().ok();
}

/// Fits into a socket, so that nobody waits for a reader who has gone.
const MOST_ANSWER: usize = 4096;
