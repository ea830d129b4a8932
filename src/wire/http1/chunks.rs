//! The chunked coding of a body (RFC 9112, section 7.1), read strictly: lines end with CR LF, sizes are hexadecimal
//! digits and nothing else, extensions and trailers are bounded and go no further.
use bytes::{Buf, Bytes, BytesMut};

/// These are no chunks, or more words than data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadChunks(pub(crate) &'static str);

/// Where in the coding we are.
#[derive(Debug)]
pub(crate) struct Chunks {
    state: State,
    /// Bytes of extensions and trailers, as far as data does not outweigh them: they say nothing to us, so there must not be many.
    aside: usize,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Digits read, and the size they make.
    Size(u32, u64),
    Extension(u64),
    /// LF of the line that told this size.
    SizeEnd(u64),
    Data(u64),
    /// CR, then LF, after a chunk's data.
    DataCr,
    DataLf,
    /// At the beginning of a line of the trailer section.
    Trailer,
    /// Inside such a line.
    TrailerLine,
    TrailerLf,
    EndLf,
}

/// What comes of what was read so far.
#[derive(Debug)]
pub(crate) enum Step {
    Piece(Bytes),
    /// Nothing yet.
    More,
    End,
}

impl Chunks {
    pub(crate) const fn new() -> Self {
        Self { state: State::Size(0, 0), aside: 0 }
    }

    /// Takes the next piece, or all that leads to one, out of `inbox`.
    pub(crate) fn next(&mut self, inbox: &mut BytesMut) -> Result<Step, BadChunks> {
        loop {
            if let State::Data(left) = self.state {
                return Ok(self.data(left, inbox));
            }
            let Some(&byte) = inbox.first() else { return Ok(Step::More) };
            inbox.advance(1);
            if matches!((self.state, byte), (State::EndLf, b'\n')) {
                return Ok(Step::End);
            }
            self.state = self.after(byte)?;
        }
    }

    fn data(&mut self, left: u64, inbox: &mut BytesMut) -> Step {
        if inbox.is_empty() {
            return Step::More;
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(inbox.len());
        let left = left - most as u64;
        self.state = if left == 0 { State::DataCr } else { State::Data(left) };
        Step::Piece(inbox.split_to(most).freeze())
    }

    fn after(&mut self, byte: u8) -> Result<State, BadChunks> {
        Ok(match (self.state, byte) {
            // Zeros before a size say nothing, and there may be some.
            (State::Size(0 | 1, 0), b'0') => self.set_aside(State::Size(1, 0))?,
            (State::Size(digits, size), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') if digits < MOST_DIGITS => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                State::Size(digits + 1, size * 16 + u64::from(digit))
            }
            (State::Size(1.., size) | State::Extension(size), b'\r') => State::SizeEnd(size),
            (State::Size(1.., size), b';' | b' ' | b'\t') => self.set_aside(State::Extension(size))?,
            (State::Extension(size), byte) if is_text(byte) => self.set_aside(State::Extension(size))?,
            (State::SizeEnd(0), b'\n') => State::Trailer,
            (State::SizeEnd(size), b'\n') => {
                self.aside = self.aside.saturating_sub(usize::try_from(size).unwrap_or(usize::MAX));
                State::Data(size)
            }
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size(0, 0),
            (State::Trailer, b'\r') => State::EndLf,
            (State::TrailerLine, b'\r') => State::TrailerLf,
            (State::Trailer | State::TrailerLine, byte) if is_text(byte) => self.set_aside(State::TrailerLine)?,
            (State::TrailerLf, b'\n') => State::Trailer,
            _ => return Err(BadChunks("its chunks are malformed")),
        })
    }

    const fn set_aside(&mut self, then: State) -> Result<State, BadChunks> {
        self.aside += 1;
        if self.aside > MOST_ASIDE {
            return Err(BadChunks("its chunks carry more words than data"));
        }
        Ok(then)
    }
}

const fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// 2^60 bytes: no size overflows.
const MOST_DIGITS: u32 = 15;
const MOST_ASIDE: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// What a body says, fed in pieces of `at_once` bytes; `None` when it is malformed.
    fn read(coded: &[u8], at_once: usize) -> Option<(Vec<u8>, bool, usize)> {
        let (mut chunks, mut inbox, mut out) = (Chunks::new(), BytesMut::new(), Vec::new());
        let mut fed = 0;
        for part in coded.chunks(at_once) {
            inbox.extend_from_slice(part);
            fed += part.len();
            loop {
                match chunks.next(&mut inbox).ok()? {
                    Step::Piece(piece) => out.extend_from_slice(&piece),
                    Step::More => break,
                    Step::End => return Some((out, true, coded.len() - fed + inbox.len())),
                }
            }
        }
        Some((out, false, 0))
    }

    #[test]
    fn chunks_are_read_in_whatever_pieces_they_come_and_not_one_byte_further() {
        let coded = b"00000000000000000003\r\nabc\r\n0A;x=\"1;2\"\r\n0123456789\r\n000\r\nx: 1\r\ny: 2\r\n\r\nHTTP";
        for at_once in 1..coded.len() {
            assert_eq!(read(coded, at_once), Some((b"abc0123456789".to_vec(), true, 4)), "{at_once}");
        }
        assert_eq!(read(b"3\r\nabc\r\n", 100), Some((b"abc".to_vec(), false, 0)));
    }

    #[test]
    fn whatever_could_be_read_in_two_ways_is_refused() {
        for coded in [
            "3\nabc\r\n0\r\n\r\n",
            "3\r\nabc\n0\r\n\r\n",
            "3\r\nabc0\r\n\r\n",
            "3\r\nabcd\r\n0\r\n\r\n",
            " 3\r\nabc",
            "+3\r\nabc",
            "0x3\r\nabc",
            "\r\n",
            ";x\r\n",
            "g\r\n",
            "3\r\r\nabc",
            "1000000000000000\r\n",
            "3;a\nb\r\nabc",
            "0\r\nx\n\r\n",
            "0\r\n\n",
            "0\r\n\rx",
        ] {
            assert_eq!(read(coded.as_bytes(), 100), None, "{coded:?}");
        }
        let chatty = format!("0\r\n{}", "x: y\r\n".repeat(5000));
        assert_eq!(read(chatty.as_bytes(), 100), None);
        let chatty = format!("1;{}\r\na\r\n", "x".repeat(100)).repeat(200);
        assert_eq!(read(chatty.as_bytes(), 100), None);
        let signed = format!("3e8;{}\r\n{}\r\n", "x".repeat(100), "a".repeat(1000)).repeat(1000);
        assert!(read(signed.as_bytes(), 1000).is_some());
    }
}
