//! An answer read for a fuzz target: the real reader on a real socket.
use std::future::poll_fn;

use http::HeaderMap;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;

use super::{Codec, Reading};
use crate::proxy::stream::Stream;

/// What an answer was read as.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    status: u16,
    fields: HeaderMap,
    body: Vec<u8>,
    /// It was read to its end.
    whole: bool,
}

impl Answer {
    /// Reads what an upstream sends before it closes, in pieces of this size. `None`: it has no head that can be read.
    pub(crate) async fn read(bytes: &[u8], pieces: usize, head_only: bool) -> std::io::Result<Option<Self>> {
        let (ours, mut theirs) = UnixStream::pair()?;
        let mut codec = Codec::new(Stream::Unix(ours));
        (codec.reading, codec.head_only) = (Reading::Head, head_only);
        let send = async {
            for piece in bytes.chunks(pieces) {
                theirs.write_all(piece).await?;
                tokio::task::yield_now().await;
            }
            theirs.shutdown().await
        };
        let (sent, answer) = tokio::join!(send, Self::of(&mut codec));
        sent.map(|()| answer)
    }

    async fn of(codec: &mut Codec) -> Option<Self> {
        let (head, ()) = poll_fn(|cx| codec.poll_head(cx)).await.ok()?.into_parts();
        let mut body = Vec::new();
        let whole = loop {
            match poll_fn(|cx| codec.poll_piece(cx)).await {
                Some(Ok(piece)) => body.extend_from_slice(&piece),
                Some(Err(_)) => break false,
                None => break true,
            }
        };
        Some(Self { status: head.status.as_u16(), fields: head.headers, body, whole })
    }
}
