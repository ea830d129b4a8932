//! HTTP/2 by raw frames: what a polite client would never send.
use std::net::TcpStream;

use super::{Gateway, Wire};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// How the gateway took a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// 200.
    Answered,
    /// Any other status, when it could be read.
    Refused(Option<u16>),
    /// The stream was reset.
    Reset,
    /// The connection was ended.
    Ended,
}

pub(crate) type Fields<'a> = Vec<(&'a [u8], &'a [u8])>;

pub(crate) struct Frames {
    pub(crate) wire: Wire,
}

impl Frames {
    pub(crate) fn open(gateway: &Gateway) -> Self {
        Self::at(gateway.port)
    }

    /// Of the gateway, or of what stands before it.
    pub(crate) fn at(port: u16) -> Self {
        let mut wire = Wire::new(TcpStream::connect(("127.0.0.1", port)).unwrap());
        wire.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        wire.send(frame(SETTINGS, 0, 0, b""));
        Self { wire }
    }

    /// A request without a body, and what becomes of it.
    pub(crate) fn ask(&mut self, stream: u8, fields: &[(&[u8], &[u8])]) -> Taken {
        self.wire.send(frame(HEADERS, END_STREAM | END_HEADERS, stream.into(), &block(fields)));
        self.taken(stream)
    }

    /// The next frame: its kind, its flags, the last octet of its stream's number, and what is in it. `None` at the end.
    pub(crate) fn next(&mut self) -> Option<(u8, u8, u8, Vec<u8>)> {
        let head = self.wire.exactly(9);
        let [a, b, c, kind, flags, .., stream] = head[..] else { return None };
        let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        Some((kind, flags, stream, self.wire.exactly(length)))
    }

    /// What becomes of a stream.
    pub(crate) fn taken(&mut self, stream: u8) -> Taken {
        loop {
            let Some((kind, _, at, payload)) = self.next() else { return Taken::Ended };
            match (kind, at) {
                (GOAWAY, _) => return Taken::Ended,
                (RST_STREAM, at) if at == stream => return Taken::Reset,
                (HEADERS, at) if at == stream => return judged(status(&payload)),
                _ => {}
            }
        }
    }
}

fn judged(status: Option<u16>) -> Taken {
    if status == Some(200) { Taken::Answered } else { Taken::Refused(status) }
}

/// The status in the first field of a block (RFC 7541): of the static table, or as a text.
fn status(block: &[u8]) -> Option<u16> {
    // The encoder may resize its own table first.
    let at = block.iter().position(|byte| byte & 0b1110_0000 != 0b0010_0000)?;
    match block[at] {
        0x88..=0x8e => Some([200, 204, 206, 304, 400, 404, 500][usize::from(block[at] - 0x88)]),
        0x08 | 0x18 | 0x48 => {
            let length = usize::from(block[at + 1] & 0x7f);
            let text = &block[at + 2..at + 2 + length];
            if block[at + 1] & 0x80 == 0 { std::str::from_utf8(text).ok()?.parse().ok() } else { huffman_digits(text) }
        }
        _ => None,
    }
}

/// Three digits in the code of RFC 7541, appendix B: 0 to 2 take five bits, the others six.
fn huffman_digits(bytes: &[u8]) -> Option<u16> {
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let number = |bits: &[u8]| bits.iter().fold(0_u16, |sum, bit| sum << 1 | u16::from(*bit));
    let (mut at, mut status) = (0, 0);
    for _ in 0..3 {
        let short = number(bits.get(at..at + 5)?);
        if short <= 2 {
            (at, status) = (at + 5, status * 10 + short);
        } else {
            let long = number(bits.get(at..at + 6)?);
            (at, status) = (at + 6, status * 10 + long.checked_sub(0b01_1001)? + 3);
        }
    }
    Some(status)
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// Literal fields, neither indexed nor compressed (RFC 7541, section 6.2.2).
pub(crate) fn block(fields: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0);
        for text in [name, value] {
            length(&mut bytes, text.len());
            bytes.extend_from_slice(text);
        }
    }
    bytes
}

fn length(bytes: &mut Vec<u8>, length: usize) {
    let Some(mut rest) = length.checked_sub(127) else { return bytes.push(u8::try_from(length).unwrap()) };
    bytes.push(127);
    while rest >= 128 {
        bytes.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    bytes.push(u8::try_from(rest).unwrap());
}

/// The four fields of every request, then `more`.
pub(crate) fn fields<'a>(
    method: &'a str,
    path: &'a str,
    authority: &'a str,
    more: &[(&'a [u8], &'a [u8])],
) -> Fields<'a> {
    let mut all: Fields<'a> = vec![
        (b":method", method.as_bytes()),
        (b":scheme", b"http"),
        (b":path", path.as_bytes()),
        (b":authority", authority.as_bytes()),
    ];
    all.extend_from_slice(more);
    all
}
