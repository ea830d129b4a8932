//! Bytes of a connection before anybody has made a message of them.
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use httparse::{EMPTY_HEADER, Request, Status};

use super::{Promise, hold};
use crate::proxy::ReadAnswer;
use crate::server::{Requests, announced as read_announcement};

/// What a client says: it is read alike in whatever pieces it comes, and a head that is read has one meaning.
pub fn head(bytes: &[u8]) -> Promise {
    let whole = Requests::of(bytes, bytes.len().max(1), MOST_HEAD);
    for pieces in [1, 7] {
        let read = Requests::of(bytes, pieces, MOST_HEAD);
        hold(read == whole, "what a client says is read otherwise in pieces")?;
    }
    let Some(first) = whole.read.first() else { return Ok(()) };
    let mut fields = [EMPTY_HEADER; 128];
    let mut request = Request::new(&mut fields);
    let Ok(Status::Complete(length)) = request.parse(bytes) else { return Err("a head was read that is none".into()) };
    let lines = bytes.get(..length).unwrap_or_default();
    let bare = lines.iter().zip(lines.iter().skip(1)).any(|(before, byte)| *byte == b'\n' && *before != b'\r');
    hold(!bare, "a line that ends in LF alone was taken")?;
    hold(!request.path.unwrap_or_default().contains('#'), "a fragment was taken")?;
    hold(first.fields.len() == request.headers.len(), "a field was lost or won")?;
    let values = |name: &str| -> Vec<&[u8]> {
        request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value).collect()
    };
    let (lengths, codings) = (values("content-length"), values("transfer-encoding"));
    hold(lengths.len() + codings.len() <= 1, "a head that tells its length twice was taken")?;
    let digits = |value: &&[u8]| !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    hold(lengths.iter().all(digits), "a length that is no number was taken")?;
    let chunked = |value: &&[u8]| value.trim_ascii().eq_ignore_ascii_case(b"chunked");
    hold(codings.iter().all(chunked), "a coding other than chunked was taken")
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

/// As in the default settings.
const MOST_HEAD: usize = 32 * 1024;
/// Fits into a socket, so that nobody waits for a reader who has gone.
const MOST_ANSWER: usize = 4096;
