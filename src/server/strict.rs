//! A strict look at HTTP/1 before hyper reads it.
//!
//! hyper takes lines that end in LF alone, forgets what follows a `#` in a target, and takes a `Content-Length` beside chunks without
//! saying so (SECURITY-CASES H09, P11, H01). Here the bytes are followed from head to head, so that each head of a kept connection is
//! seen. What is refused is not handed on: in its place hyper gets a head that holds a NUL, which none may, so it answers 400 and closes.
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use memchr::{memchr, memchr_iter};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::chunks::Chunks;

/// A socket that gives back first what the sniffer read, and hands on no head that can be read in two ways.
#[derive(Debug)]
pub(super) struct Strict<S> {
    stream: S,
    /// What the sniffer read already.
    first: Bytes,
    /// `None`: this is not HTTP/1, or not any more.
    follower: Option<Follower>,
    /// What is still to be handed on in place of what was refused.
    instead: Option<&'static [u8]>,
}

impl<S> Strict<S> {
    pub(super) fn new(stream: S, first: Bytes, http1: bool) -> Self {
        Self { stream, first, follower: http1.then(Follower::default), instead: None }
    }

    /// The bare socket, unless a body was not read to its end, or something was refused.
    pub(super) fn between_requests(self) -> Option<S> {
        let whole = matches!(self.follower, Some(Follower { place: Place::Head, .. }));
        (whole && self.first.is_empty() && self.instead.is_none()).then_some(self.stream)
    }

    /// What comes from now on is another protocol.
    pub(super) fn leave_http(&mut self) {
        self.follower = None;
    }

    /// The socket, for reading what nobody looks at.
    pub(super) const fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Strict<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.instead.is_some() {
            return this.poll_instead(buf);
        }
        let before = buf.filled().len();
        if this.first.is_empty() {
            ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        } else {
            let most = this.first.len().min(buf.remaining());
            buf.put_slice(&this.first.split_to(most));
        }
        let Some(follower) = &mut this.follower else { return Poll::Ready(Ok(())) };
        if let Err(Refused { good, why }) = follower.follow(buf.filled().get(before..).unwrap_or_default()) {
            tracing::debug!(why, "refused a head before it was read");
            buf.set_filled(before + good);
            this.instead = Some(NO_HEAD);
            // There is room: at least the byte that was refused has gone.
            return this.poll_instead(buf);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S> Strict<S> {
    /// Whoever has it all has enough for a 400. Should he not think so, the deadline of a head ends it.
    fn poll_instead(&mut self, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let left = self.instead.unwrap_or_default();
        if left.is_empty() {
            return Poll::Pending;
        }
        let (now, later) = left.split_at(left.len().min(buf.remaining()));
        buf.put_slice(now);
        self.instead = Some(later);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Strict<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// So many bytes of a piece may be handed on, and the next not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    good: usize,
    why: &'static str,
}

/// Knows where heads begin and end. Of a head that it lets pass there is one way to read where its body ends.
#[derive(Debug, Default)]
pub(super) struct Follower {
    place: Place,
    head: Head,
}

#[derive(Debug, Default)]
enum Place {
    #[default]
    Head,
    /// So many bytes of a body are to come.
    Body(u64),
    Chunks(Chunks),
    /// hyper will refuse this by itself.
    Lost,
}

/// What is known of a head so far.
#[derive(Debug, Default)]
struct Head {
    /// The request line has come to its end.
    begun: bool,
    /// The method has.
    target: bool,
    length: Option<u64>,
    chunked: bool,
    /// The line so far, when it did not come in one piece: its beginning, ...
    line: Vec<u8>,
    /// ... its last byte, and whether there is more between the two.
    last: u8,
    long: bool,
}

impl Follower {
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            at += match &mut self.place {
                Place::Head => self.lines(rest).map_err(|refused| Refused { good: at + refused.good, ..refused })?,
                Place::Body(left) => {
                    let skipped = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left -= skipped as u64;
                    if *left == 0 {
                        self.place = Place::Head;
                    }
                    skipped
                }
                Place::Chunks(chunks) => match chunks.follow(rest) {
                    Some(taken) => {
                        if chunks.ended() {
                            self.place = Place::Head;
                        }
                        taken
                    }
                    None => {
                        self.place = Place::Lost;
                        rest.len()
                    }
                },
                Place::Lost => rest.len(),
            };
        }
        Ok(())
    }

    /// Takes lines up to the end of a head that has a body; says how many bytes that was.
    fn lines(&mut self, rest: &[u8]) -> Result<usize, Refused> {
        let mut from = 0;
        for end in memchr_iter(b'\n', rest) {
            self.line(rest.get(from..end).unwrap_or_default())
                .map_err(|(at, why)| Refused { good: at.map_or(end, |at| from + at), why })?;
            from = end + 1;
            if !matches!(self.place, Place::Head) {
                return Ok(from);
            }
        }
        let begun = rest.get(from..).unwrap_or_default();
        if let Some(at) = self.head.fragment(begun) {
            return Err(Refused { good: from + at, why: FRAGMENT });
        }
        self.head.keep(begun);
        Ok(rest.len())
    }

    /// Takes the rest of a line, without its LF. An error says where it lies; `None`: in the LF.
    fn line(&mut self, piece: &[u8]) -> Result<(), (Option<usize>, &'static str)> {
        if let Some(at) = self.head.fragment(piece) {
            return Err((Some(at), FRAGMENT));
        }
        let ended = if self.head.line.is_empty() {
            self.head.take(piece, false)
        } else {
            self.head.keep(piece);
            let (mut line, long) = (std::mem::take(&mut self.head.line), self.head.long);
            if long {
                line.push(self.head.last);
            }
            self.head.long = false;
            self.head.take(&line, long)
        };
        if let Some(place) = ended.map_err(|why| (None, why))? {
            self.place = place;
            self.head = Head::default();
        }
        Ok(())
    }
}

impl Head {
    fn keep(&mut self, piece: &[u8]) {
        let room = MOST_KEPT - self.line.len();
        self.line.extend_from_slice(piece.get(..room).unwrap_or(piece));
        self.long |= piece.len() > room;
        self.last = piece.last().copied().unwrap_or(self.last);
    }

    /// Where a `#` stands that is no part of the method.
    fn fragment(&mut self, piece: &[u8]) -> Option<usize> {
        if self.begun {
            return None;
        }
        let from = if self.target { 0 } else { memchr(b' ', piece)? };
        self.target = true;
        memchr(b'#', piece.get(from..)?).map(|at| from + at)
    }

    /// One line without its LF; of a `long` one the beginning and the last byte. Says what follows when the head has ended.
    fn take(&mut self, line: &[u8], long: bool) -> Result<Option<Place>, &'static str> {
        // However it came: the verdict must not depend on the pieces.
        let long = long || line.len() > MOST_KEPT;
        let Some((b'\r', line)) = line.split_last() else { return Err("a line that ends in LF alone") };
        if !self.begun {
            // Empty lines before a request are none of it (RFC 9112, section 2.2).
            self.begun = !line.is_empty();
        } else if line.is_empty() {
            return Ok(Some(self.body()));
        } else if let Some(value) = value_of(line, b"content-length") {
            let length = (!long).then(|| digits(value)).flatten();
            if self.chunked || self.length.is_some() || length.is_none() {
                return Err("a length that can be read in two ways");
            }
            self.length = length;
        } else if let Some(value) = value_of(line, b"transfer-encoding") {
            if self.chunked || self.length.is_some() || long || !trimmed(value).eq_ignore_ascii_case(b"chunked") {
                return Err("a coding that can be read in two ways");
            }
            self.chunked = true;
        }
        Ok(None)
    }

    fn body(&self) -> Place {
        match self.length {
            _ if self.chunked => Place::Chunks(Chunks::default()),
            None | Some(0) => Place::Head,
            Some(length) => Place::Body(length),
        }
    }
}

/// How many of these bytes are handed on when they come in such pieces; `None`: all of them. For tests and fuzz targets.
pub(crate) fn handed_on(bytes: &[u8], pieces: usize) -> Option<usize> {
    let mut follower = Follower::default();
    let mut before = 0;
    for piece in bytes.chunks(pieces) {
        if let Err(refused) = follower.follow(piece) {
            return Some(before + refused.good);
        }
        before += piece.len();
    }
    None
}

fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = line.split_at_checked(name.len())?;
    let (b':', value) = rest.split_first()? else { return None };
    start.eq_ignore_ascii_case(name).then_some(value)
}

fn trimmed(value: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let from = value.iter().position(|byte| !blank(byte)).unwrap_or(value.len());
    let to = value.iter().rposition(|byte| !blank(byte)).map_or(from, |last| last + 1);
    value.get(from..to).unwrap_or_default()
}

fn digits(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(trimmed(value)).ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

const FRAGMENT: &str = "a fragment in the target";
/// hyper looks at a head anew only when its end seems to have come.
const NO_HEAD: &[u8] = b"\0\r\n\r\n";
/// The names we look for and a value of them are shorter.
const MOST_KEPT: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_can_be_read_in_two_ways_is_not_handed_on_wherever_it_stands() {
        let good = [
            "",
            "\r\n",
            "GET /a?b HTTP/1.1\r\nHost: g\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\na\n#\nb",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;a=\"#\"\r\n\n\n\n\r\n0\r\nT: 1\r\n\r\n",
        ];
        let bad = [
            ("GET / HTTP/1.1", "\nHost: g\r\n\r\n"),
            ("GET / HTTP/1.1\r\nHost: g", "\n\r\n"),
            ("GET / HTTP/1.1\r\nHost: g\r\n", "\n"),
            ("", "\nGET / HTTP/1.1\r\n\r\n"),
            ("GET /a", "#b HTTP/1.1\r\n\r\n"),
            ("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r", "\n\r\n0\r\n\r\n"),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\ncontent-length: 1\r", "\n\r\n0\r\n\r\n"),
            ("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r", "\n\r\na"),
            ("POST / HTTP/1.1\r\nContent-Length: +1\r", "\n\r\na"),
            ("POST / HTTP/1.1\r\nContent-Length: \r", "\n\r\na"),
            ("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r", "\n\r\na"),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r", "\n\r\n0\r\n\r\n"),
        ];
        for before in good {
            for pieces in [1, 2, 3, 7, 1000] {
                assert_eq!(handed_on(before.as_bytes(), pieces), None, "{before:?} in {pieces}");
                for (start, rest) in bad {
                    let all = format!("{before}{start}{rest}");
                    let expected = Some(before.len() + start.len());
                    assert_eq!(handed_on(all.as_bytes(), pieces), expected, "{all:?} in {pieces}");
                }
            }
        }
    }

    #[test]
    fn long_lines_are_followed_without_keeping_them() {
        let long = "x".repeat(10_000);
        let head = format!("GET /{long} HTTP/1.1\r\nX-Long: {long}\r\nContent-Length: 2\r\n\r\n#\n");
        for pieces in [1, 5, 4096] {
            assert_eq!(handed_on(head.as_bytes(), pieces), None);
            let bare = head.replacen(&format!("{long}\r\nC"), &format!("{long}\nC"), 1);
            assert!(handed_on(bare.as_bytes(), pieces).is_some());
        }
        let padded = format!("POST / HTTP/1.1\r\nContent-Length: {}1\r\n\r\n", " ".repeat(300));
        let zeros = padded.replace(' ', "0").replacen("0/0", " / ", 1);
        for pieces in [1, 9, 63, 64, 65, 1000] {
            assert!(handed_on(padded.as_bytes(), pieces).is_some(), "{pieces}");
            assert!(handed_on(zeros.as_bytes(), pieces).is_some(), "{pieces}");
        }
    }

    #[test]
    fn a_number_sign_in_a_method_is_not_a_fragment() {
        assert_eq!(handed_on(b"G#T / HTTP/1.1\r\n\r\n", 1000), None);
        assert_eq!(handed_on(b"G#T / HTTP/1.1\r\n\r\n", 2), None);
    }

    proptest! {
        /// The pieces in which bytes happen to arrive change nothing.
        #[test]
        fn the_verdict_does_not_depend_on_the_pieces(
            parts in prop::collection::vec(prop::sample::select(PARTS), 0..12),
            pieces in 1_usize..40,
        ) {
            let bytes = parts.concat();
            prop_assert_eq!(handed_on(bytes.as_bytes(), pieces), handed_on(bytes.as_bytes(), 100_000));
        }
    }

    const PARTS: &[&str] = &[
        "GET / HTTP/1.1\r\n",
        "POST /a#b HTTP/1.1\r\n",
        "Host: g\r\n",
        "\r\n",
        "\n",
        "Content-Length: 4\r\n",
        "Content-Length: 0\r\n",
        "Transfer-Encoding: chunked\r\n",
        "4\r\nabcd\r\n",
        "0\r\n\r\n",
        "abcd",
        "X",
        "#",
        "\r",
        "Content-Length: 4\n",
    ];
}
