//! A request's body on its way from the connection to whoever reads it.
use bytes::Bytes;

use super::head::Framing;
use crate::wire::http1::{BadChunks, Chunks, Inbox, Step};
use crate::wire::{Body, Feed, inflow};

/// What is still to come of a request's body.
#[derive(Debug)]
pub(super) struct Intake {
    pub(super) feed: Feed,
    left: Left,
    /// The client waits to be asked for it.
    pub(super) expects: bool,
}

#[derive(Debug)]
enum Left {
    Exact(u64),
    Chunks(Chunks),
    Nothing,
}

/// What the bytes at hand make.
#[derive(Debug)]
pub(super) enum Taken {
    /// A piece, maybe the last one.
    Piece(Bytes, bool),
    End,
    /// The bytes at hand make nothing yet.
    More,
}

impl Intake {
    /// `None`: there is no body.
    pub(super) fn begin(framing: Framing, expects: bool) -> (Body, Option<Self>) {
        let (left, length) = match framing {
            Framing::Nothing => return (Body::Empty, None),
            Framing::Exact(length) => (Left::Exact(length), Some(length)),
            Framing::Chunked => (Left::Chunks(Chunks::new()), None),
        };
        let (feed, body) = inflow(length);
        (body, Some(Self { feed, left, expects }))
    }

    /// What came with the head goes on with it, so that a small body costs no write of its own. Chunks may be malformed, and whoever
    /// waits to be asked for its body has not sent it: those are looked at when they are wanted.
    pub(super) fn lay_ready(&mut self, inbox: &mut Inbox) {
        if matches!(self.left, Left::Exact(_))
            && !self.expects
            && let Ok(Taken::Piece(piece, last)) = self.take(inbox)
        {
            self.feed.lay(piece, last);
        }
    }

    pub(super) const fn is_done(&self) -> bool {
        matches!(self.left, Left::Nothing)
    }

    pub(super) fn take(&mut self, inbox: &mut Inbox) -> Result<Taken, BadChunks> {
        let taken = match &mut self.left {
            Left::Nothing => Taken::End,
            Left::Exact(_) if inbox.is_empty() => Taken::More,
            Left::Exact(left) => {
                let most = usize::try_from(*left).unwrap_or(usize::MAX).min(inbox.bytes().len());
                *left -= most as u64;
                Taken::Piece(inbox.take(most), *left == 0)
            }
            Left::Chunks(chunks) => match chunks.next(inbox.bytes_mut())? {
                Step::Piece(piece) => Taken::Piece(piece, false),
                Step::More => Taken::More,
                Step::End => Taken::End,
            },
        };
        if matches!(taken, Taken::End | Taken::Piece(_, true)) {
            self.left = Left::Nothing;
        }
        Ok(taken)
    }

    /// Throws away what is at hand of a body that nobody reads; says how many bytes that was.
    pub(super) fn skip(&mut self, inbox: &mut Inbox) -> Result<usize, BadChunks> {
        let before = inbox.bytes().len();
        while !self.is_done() && !matches!(self.take(inbox)?, Taken::More) {}
        Ok(before - inbox.bytes().len())
    }

    /// Whether what is left is worth waiting for, to keep the connection.
    pub(super) const fn is_short(&self) -> bool {
        match self.left {
            Left::Nothing => true,
            Left::Exact(left) => left <= MOST_SKIPPED && !self.expects,
            Left::Chunks(_) => !self.expects,
        }
    }
}

/// So much of a body that nobody read is passed over, in bytes; after more the connection ends.
pub(super) const MOST_SKIPPED: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use http_body::Body as _;

    use super::*;

    fn inbox(bytes: &str) -> Inbox {
        let mut inbox = Inbox::default();
        *inbox.bytes_mut() = BytesMut::from(bytes);
        inbox
    }

    #[test]
    fn a_body_is_taken_to_its_end_and_not_a_byte_further() {
        for (framing, bytes) in [(Framing::Exact(3), "abcGET /"), (Framing::Chunked, "3\r\nabc\r\n0\r\n\r\nGET /")] {
            let (_body, intake) = Intake::begin(framing, false);
            let (mut intake, mut inbox) = (intake.unwrap(), inbox(bytes));
            assert!(!intake.is_done());
            let Taken::Piece(piece, _) = intake.take(&mut inbox).unwrap() else { panic!() };
            assert_eq!(piece, "abc");
            intake.skip(&mut inbox).unwrap();
            assert!(intake.is_done() && inbox.bytes() == "GET /");
        }
        assert!(Intake::begin(Framing::Nothing, false).1.is_none());
    }

    #[test]
    fn what_came_with_the_head_lies_ready_and_chunks_do_not() {
        for (framing, expects, bytes, left) in [
            (Framing::Exact(3), false, "abcGET /", "GET /"),
            (Framing::Exact(9), false, "abc", ""),
            (Framing::Exact(3), false, "", ""),
            (Framing::Exact(3), true, "abc", "abc"),
            (Framing::Chunked, false, "3\r\nabc\r\n", "3\r\nabc\r\n"),
        ] {
            let (body, intake) = Intake::begin(framing, expects);
            let (mut intake, mut inbox) = (intake.unwrap(), inbox(bytes));
            intake.lay_ready(&mut inbox);
            assert_eq!(inbox.bytes(), left.as_bytes());
            assert_eq!(intake.is_done(), left == "GET /");
            assert!(!body.is_end_stream());
        }
    }

    #[test]
    fn what_are_no_chunks_end_in_an_error() {
        let (_body, intake) = Intake::begin(Framing::Chunked, false);
        assert!(intake.unwrap().skip(&mut inbox("3\nabc")).is_err());
    }
}
