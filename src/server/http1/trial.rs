//! What a client says, read for a fuzz target: the real readers, without a socket.
use http::{HeaderMap, Method, Uri};

use super::head::{self, Lines};
use super::intake::{Intake, Taken};
use crate::wire::http1::Inbox;

/// The requests of one connection.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Requests {
    pub(crate) read: Vec<Whole>,
    /// What follows them is refused.
    pub(crate) refused: bool,
}

/// A request, and its body as far as it came.
#[derive(Debug, PartialEq)]
pub(crate) struct Whole {
    pub(crate) method: Method,
    pub(crate) target: Uri,
    pub(crate) fields: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Requests {
    /// Reads bytes that come in pieces of this size.
    pub(crate) fn of(bytes: &[u8], pieces: usize, max_header: usize) -> Self {
        let (mut inbox, mut lines, mut intake) = (Inbox::default(), Lines::default(), None);
        let mut requests = Self::default();
        for piece in bytes.chunks(pieces) {
            inbox.bytes_mut().extend_from_slice(piece);
            while requests.step(&mut inbox, &mut lines, &mut intake, max_header) {}
            if requests.refused {
                break;
            }
        }
        requests
    }

    /// False when more bytes must come first, or no more are taken.
    fn step(&mut self, inbox: &mut Inbox, lines: &mut Lines, intake: &mut Option<Intake>, max_header: usize) -> bool {
        let Some(body) = intake else { return self.head(inbox, lines, intake, max_header) };
        let taken = body.take(inbox);
        self.refused |= taken.is_err();
        if let (Ok(Taken::Piece(piece, _)), Some(last)) = (&taken, self.read.last_mut()) {
            last.body.extend_from_slice(piece);
        }
        if body.is_done() {
            *intake = None;
        }
        !matches!(taken, Ok(Taken::More) | Err(_))
    }

    fn head(&mut self, inbox: &mut Inbox, lines: &mut Lines, intake: &mut Option<Intake>, max_header: usize) -> bool {
        let head = match lines.end(inbox.bytes_mut(), max_header) {
            Ok(Some(end)) => head::read(&inbox.take(end)),
            Ok(None) => return false,
            Err(bad) => Err(bad),
        };
        let Ok(head) = head else {
            self.refused = true;
            return false;
        };
        *lines = Lines::default();
        *intake = Intake::begin(head.framing, head.expects).1;
        let (parts, _) = head.request.into_parts();
        self.read.push(Whole { method: parts.method, target: parts.uri, fields: parts.headers, body: Vec::new() });
        true
    }
}
