//! An exchange whose answer began before the request was sent whole: a task goes on with both, so that a client that sends
//! before it reads does not stop.
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::codec::{Codec, SendError};
use super::upload::Upload;
use super::upstream::Lease;
use crate::wire::{BodyError, Deadline};

/// The reading end. The task ends with it.
pub(super) struct Apart {
    pub(super) pieces: mpsc::Receiver<Result<Bytes, BodyError>>,
    pub(super) deadline: Deadline,
    task: JoinHandle<()>,
}

impl Apart {
    pub(super) fn begin(lease: Lease, upload: Upload) -> Self {
        // One piece waits while the next one is read.
        let (tell, pieces) = mpsc::channel(1);
        Self { pieces, deadline: Deadline::default(), task: tokio::spawn(go_on(lease, upload, tell)) }
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn go_on(mut lease: Lease, upload: Upload, tell: mpsc::Sender<Result<Bytes, BodyError>>) {
    let Some(link) = lease.link() else { return };
    let codec = &mut link.codec;
    let mut rest = Some(upload);
    let mut failed = None;
    loop {
        let piece = poll_fn(|cx| match failed.take().or_else(|| pump(codec, &mut rest, cx)) {
            Some(error) => Poll::Ready(Some(Err(error))),
            None => codec.poll_piece(cx).map(|piece| piece.map(|piece| piece.map_err(Into::into))),
        })
        .await;
        let Some(piece) = piece else { return };
        let over = piece.is_err();
        let mut room = pin!(tell.reserve());
        let room = poll_fn(|cx| {
            // What becomes of the upload is told in place of the next piece.
            failed = failed.take().or_else(|| pump(codec, &mut rest, cx));
            room.as_mut().poll(cx)
        });
        let Ok(room) = room.await else { return };
        room.send(piece);
        if over {
            return;
        }
    }
}

/// Sends on what the client sends; the error that ends it, once.
fn pump(codec: &mut Codec, rest: &mut Option<Upload>, cx: &mut Context<'_>) -> Option<BodyError> {
    if rest.is_none() {
        return None;
    }
    let Poll::Ready(sent) = codec.poll_send(rest, cx) else { return None };
    *rest = None;
    sent.err().map(|SendError(error)| error)
}
