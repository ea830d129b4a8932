//! The head of a request, read in one way or not at all (RFC 9112, sections 2 to 6).
use std::mem::MaybeUninit;

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, Version};
use httparse::{ParserConfig, Status};
use memchr::{memchr, memchr_iter};

use crate::wire::{Body, http1};

/// A request whose body is still to come.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) request: Box<Request<Body>>,
    pub(super) framing: Framing,
    /// Another request may follow.
    pub(super) keep_alive: bool,
    /// The client waits with its body until it is asked for it.
    pub(super) expects: bool,
}

/// Where the body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Nothing,
    Exact(u64),
    Chunked,
}

/// Why a head is not taken; the connection ends after the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadHead {
    #[error("{0}")]
    Malformed(&'static str),
    #[error("the target is too long")]
    TargetTooLong,
    #[error("the head is too large")]
    TooLarge,
}

impl BadHead {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::TooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        }
    }
}

/// Looks for the end of a head while its bytes come; no byte is looked at twice.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Where the line begins that has not ended yet.
    line: usize,
    seen: usize,
}

impl Lines {
    /// How long the head is, when it is all there.
    pub(super) fn end(&mut self, bytes: &mut BytesMut, most: usize) -> Result<Option<usize>, BadHead> {
        // Empty lines before a request are none of it (RFC 9112, section 2.2).
        while self.line == 0 && bytes.starts_with(b"\r\n") {
            bytes.advance(2);
            self.seen = 0;
        }
        if self.line == 0 && bytes.first().is_some_and(|first| !is_token(*first) && *first != b'\r') {
            return Err(BadHead::Malformed("it does not begin with a method"));
        }
        for at in memchr_iter(b'\n', bytes.get(self.seen..).unwrap_or_default()) {
            let end = self.seen + at;
            match bytes.get(self.line..end) {
                Some(b"\r") => return if end < most { Ok(Some(end + 1)) } else { Err(BadHead::TooLarge) },
                Some([.., b'\r']) => self.line = end + 1,
                _ => return Err(BadHead::Malformed("a line ends in LF alone")),
            }
        }
        self.seen = bytes.len();
        match (bytes.len() < most, self.line) {
            (true, _) => Ok(None),
            (false, 0) => Err(BadHead::TargetTooLong),
            (false, _) => Err(BadHead::TooLarge),
        }
    }
}

/// Reads a head that is all there. Its fields share these bytes.
pub(super) fn read(bytes: &Bytes) -> Result<Head, BadHead> {
    let mut space = [const { MaybeUninit::uninit() }; MOST_FIELDS];
    let mut parsed = httparse::Request::new(&mut []);
    match ParserConfig::default().parse_request_with_uninit_headers(&mut parsed, bytes, &mut space) {
        Ok(Status::Complete(length)) if length == bytes.len() => {}
        Err(httparse::Error::TooManyHeaders) => return Err(BadHead::TooLarge),
        Ok(_) | Err(_) => return Err(BadHead::Malformed("it is no request")),
    }
    let (Some(method), Some(target), Some(version)) = (parsed.method, parsed.path, parsed.version) else {
        return Err(BadHead::Malformed("it is no request"));
    };
    let mut request = Box::new(Request::new(Body::Empty));
    *request.version_mut() = if version == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
    *request.method_mut() =
        Method::from_bytes(method.as_bytes()).map_err(|_| BadHead::Malformed("the method is none"))?;
    *request.uri_mut() = read_target(bytes, target)?;
    let mut about = About::default();
    *request.headers_mut() = fields(bytes, parsed.headers, &mut about)?;
    let framing = about.framing(request.version())?;
    let modern = request.version() == Version::HTTP_11;
    let keep_alive = !about.close && (modern || about.keep_alive);
    Ok(Head { request, framing, keep_alive, expects: about.expects && modern })
}

fn read_target(bytes: &Bytes, target: &str) -> Result<Uri, BadHead> {
    if target.len() > MOST_TARGET {
        return Err(BadHead::TargetTooLong);
    }
    // The parser would forget what follows it (SECURITY-CASES P11).
    if memchr(b'#', target.as_bytes()).is_some() {
        return Err(BadHead::Malformed("the target has a fragment"));
    }
    Uri::from_maybe_shared(bytes.slice_ref(target.as_bytes()))
        .map_err(|_| BadHead::Malformed("the target is malformed"))
}

#[expect(clippy::disallowed_methods, reason = "a client's own fields may have several lines")]
fn fields(bytes: &Bytes, parsed: &[httparse::Header<'_>], about: &mut About) -> Result<HeaderMap, BadHead> {
    const MALFORMED: BadHead = BadHead::Malformed("a field is malformed");
    let mut headers = HeaderMap::with_capacity(parsed.len());
    for field in parsed {
        let name = http1::name(field.name.as_bytes()).ok_or(MALFORMED)?;
        about.note(&name, field.value)?;
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(field.value)).map_err(|_| MALFORMED)?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// What the fields say of the connection and of the body's end.
#[derive(Debug, Default)]
struct About {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    expects: bool,
}

impl About {
    /// One length, told once and in one way (SECURITY-CASES H01 to H08).
    fn note(&mut self, name: &HeaderName, value: &[u8]) -> Result<(), BadHead> {
        if *name == CONTENT_LENGTH {
            let length = http1::length(value);
            if self.chunked || self.length.is_some() || length.is_none() {
                return Err(BadHead::Malformed("the length can be read in two ways"));
            }
            self.length = length;
        } else if *name == TRANSFER_ENCODING {
            if self.chunked || self.length.is_some() || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(BadHead::Malformed("the coding can be read in two ways"));
            }
            self.chunked = true;
        } else if *name == CONNECTION {
            for word in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                self.close |= word.eq_ignore_ascii_case(b"close");
                self.keep_alive |= word.eq_ignore_ascii_case(b"keep-alive");
            }
        } else if *name == EXPECT {
            self.expects |= value.eq_ignore_ascii_case(b"100-continue");
        }
        Ok(())
    }

    const fn framing(&self, version: Version) -> Result<Framing, BadHead> {
        match (self.chunked, self.length) {
            (true, _) if matches!(version, Version::HTTP_10) => Err(BadHead::Malformed("HTTP/1.0 knows no chunks")),
            (true, _) => Ok(Framing::Chunked),
            (false, None | Some(0)) => Ok(Framing::Nothing),
            (false, Some(length)) => Ok(Framing::Exact(length)),
        }
    }
}

/// RFC 9110, section 5.6.2.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

/// More than any request has.
const MOST_FIELDS: usize = 100;
/// What `http::Uri` can hold.
const MOST_TARGET: usize = 65_534;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The first head in these bytes when they come in such pieces, and what is left of them; `None`: it has not ended.
    fn first(bytes: &[u8], pieces: usize, most: usize) -> Result<Option<(Head, BytesMut)>, BadHead> {
        let (mut lines, mut inbox) = (Lines::default(), BytesMut::new());
        let mut rest = bytes.chunks(pieces);
        while let Some(piece) = rest.next() {
            inbox.extend_from_slice(piece);
            if let Some(end) = lines.end(&mut inbox, most)? {
                let head = read(&inbox.split_to(end).freeze())?;
                rest.for_each(|piece| inbox.extend_from_slice(piece));
                return Ok(Some((head, inbox)));
            }
        }
        Ok(None)
    }

    #[test]
    fn a_head_says_where_its_body_ends_and_whether_the_connection_goes_on() {
        for (head, framing, keep_alive, expects) in [
            ("GET / HTTP/1.1\r\n\r\n", Framing::Nothing, true, false),
            ("\r\n\r\nGET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n", Framing::Nothing, false, false),
            ("GET / HTTP/1.0\r\n\r\n", Framing::Nothing, false, false),
            ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\nExpect: 100-continue\r\n\r\n", Framing::Nothing, true, false),
            ("GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", Framing::Nothing, true, false),
            ("GET / HTTP/1.1\r\nContent-Length:  007 \r\nExpect: 100-Continue\r\n\r\n", Framing::Exact(7), true, true),
            ("GET / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n", Framing::Chunked, true, false),
        ] {
            for pieces in [1, 2, 7, 1000] {
                let (read, rest) = first(format!("{head}abc").as_bytes(), pieces, 1000).unwrap().unwrap();
                assert_eq!((read.framing, read.keep_alive, read.expects), (framing, keep_alive, expects), "{head:?}");
                assert_eq!(rest, "abc");
            }
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused_in_whatever_pieces_it_comes() {
        for head in [
            "GET / HTTP/1.1\nHost: g\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: g\n\r\n",
            "GET / HTTP/1.1\r\nHost: g\r\n\n",
            "\nGET / HTTP/1.1\r\n\r\n",
            "GET /a#b HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
            "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: \r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: 9999999999999999999\r\n\r\n",
            "GET / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "GET / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n",
            "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET / HTTP/1.1\r\nX : a\r\n\r\n",
            "GET / HTTP/1.1\r\nX: a\r\n folded\r\n\r\n",
            "GET / HTTP/1.1\r\n X: a\r\n\r\n",
            "GET / HTTP/1.1\r\nX: a\0b\r\n\r\n",
            "GET / HTTP/1.1\r\nX: a\rb\r\n\r\n",
            "GET  / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1 \r\n\r\n",
            "GET /\r\n\r\n",
            "\x16\x03\x01",
            "G\0T / HTTP/1.1\r\n\r\n",
        ] {
            for pieces in [1, 3, 1000] {
                assert!(
                    matches!(first(head.as_bytes(), pieces, 1000), Err(BadHead::Malformed(_))),
                    "{head:?} {pieces}"
                );
            }
        }
        for version in ["HTTP/2.0", "HTTP/1.2", "HTTP/3"] {
            assert!(first(format!("GET / {version}\r\n\r\n").as_bytes(), 1000, 1000).is_err(), "{version}");
        }
    }

    #[test]
    fn a_head_has_a_bound_and_so_have_its_target_and_its_fields() {
        let long = "x".repeat(1000);
        assert_eq!(first(format!("GET /{long}").as_bytes(), 10, 500).unwrap_err(), BadHead::TargetTooLong);
        let field = format!("GET / HTTP/1.1\r\nX: {long}");
        assert_eq!(first(field.as_bytes(), 10, 500).unwrap_err(), BadHead::TooLarge);
        assert_eq!(first(format!("{field}\r\n\r\n").as_bytes(), 5000, 500).unwrap_err(), BadHead::TooLarge);
        let fields = |count: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(count));
        assert!(first(fields(100).as_bytes(), 5000, 5000).unwrap().is_some());
        assert_eq!(first(fields(101).as_bytes(), 5000, 5000).unwrap_err(), BadHead::TooLarge);
        let target = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(70_000));
        assert_eq!(first(target.as_bytes(), 100_000, 100_000).unwrap_err(), BadHead::TargetTooLong);
    }

    proptest! {
        /// The pieces in which bytes happen to arrive change nothing.
        #[test]
        fn the_verdict_does_not_depend_on_the_pieces(
            parts in prop::collection::vec(prop::sample::select(PARTS), 0..8),
            pieces in 1_usize..40,
        ) {
            let bytes = parts.concat();
            let verdict = |pieces| match first(bytes.as_bytes(), pieces, 100_000) {
                Ok(Some((head, rest))) => format!("{head:?} {rest:?}"),
                // A piece may hold the fault of a later line already.
                Err(BadHead::Malformed(_)) => "malformed".to_owned(),
                other => format!("{other:?}"),
            };
            prop_assert_eq!(verdict(pieces), verdict(100_000));
        }
    }

    const PARTS: &[&str] = &[
        "GET / HTTP/1.1\r\n",
        "POST /a#b HTTP/1.1\r\n",
        "Content-Length: 3\r\n",
        "Content-Length: 3\n",
        "Transfer-Encoding: chunked\r\n",
        "X: y\r\n",
        " folded\r\n",
        "\r\n",
        "\n",
        "\r",
        "abc",
        "\0",
    ];
}
