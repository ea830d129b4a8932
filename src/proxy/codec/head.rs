//! The head of an answer, and what it says of the body's end (RFC 9112, section 6.3).
use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version};
use httparse::{ParserConfig, Status};
use hyper::ext::ReasonPhrase;
use smallvec::SmallVec;

use super::{ReadError, Reading};
use crate::wire::http1::{self, Chunks};

/// What comes of what was read so far.
pub(super) enum Parsed {
    Partial,
    /// 1xx, but for 101.
    Interim,
    Final {
        response: Response<()>,
        reading: Reading,
        /// Another exchange may follow on the connection.
        reusable: bool,
    },
}

/// Takes a head out of `inbox`.
pub(super) fn parse(inbox: &mut BytesMut, head_only: bool) -> Result<Parsed, ReadError> {
    let mut space = [const { MaybeUninit::uninit() }; MOST_FIELDS];
    let mut response = httparse::Response::new(&mut []);
    let parsed = ParserConfig::default().parse_response_with_uninit_headers(&mut response, inbox, &mut space);
    let length = match parsed {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Ok(Parsed::Partial),
        Err(httparse::Error::TooManyHeaders) => return Err(ReadError::Nonsense("it has too many fields")),
        Err(_) => return Err(ReadError::Nonsense("its head is malformed")),
    };
    let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or(ReadError::Nonsense("its status is none"))?;
    if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
        drop(inbox.split_to(length));
        return Ok(Parsed::Interim);
    }
    let version = if response.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
    let reason = response.reason.filter(|reason| status.canonical_reason() != Some(reason));
    let reason = reason.and_then(|reason| ReasonPhrase::try_from(reason.as_bytes()).ok());
    // Values share the bytes that were read; until those can be shared, only their places are kept.
    let (base, mut said) = (inbox.as_ptr().addr(), Said::default());
    let mut fields = Fields::new();
    for field in response.headers.iter() {
        let name = http1::name(field.name.as_bytes()).ok_or(MALFORMED)?;
        if said.note(&name, field.value) {
            fields.push((name, within(base, field.value)));
        }
    }
    let headers = map(&inbox.split_to(length).freeze(), &mut fields)?;
    let (reading, clear) = said.framing(status, version, head_only)?;
    let open = said.stays_open(version) && !matches!(reading, Reading::ToTheEnd);
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if let Some(reason) = reason {
        response.extensions_mut().insert(reason);
    }
    Ok(Parsed::Final { response, reading, reusable: clear && open })
}

/// Where a value begins and ends.
type Place = (usize, usize);
/// Most answers have fewer, and then nothing is allocated for them.
type Fields = SmallVec<[(HeaderName, Place); 16]>;

fn within(base: usize, text: &[u8]) -> Place {
    let from = text.as_ptr().addr() - base;
    (from, from + text.len())
}

#[expect(clippy::disallowed_methods, reason = "an upstream's own fields may have several lines")]
fn map(bytes: &Bytes, fields: &mut Fields) -> Result<HeaderMap, ReadError> {
    let mut headers = HeaderMap::with_capacity(fields.len() + OURS);
    for (name, (from, to)) in fields.drain(..) {
        headers.append(name, HeaderValue::from_maybe_shared(bytes.slice(from..to)).map_err(|_| MALFORMED)?);
    }
    Ok(headers)
}

/// What the fields say of the body's end and of the connection.
#[derive(Debug, Default)]
struct Said {
    codings: usize,
    chunked: bool,
    lengths: usize,
    length: Option<u64>,
    connection: bool,
    close: bool,
    keep_alive: bool,
}

impl Said {
    /// Whether the field says anything beyond that.
    fn note(&mut self, name: &HeaderName, value: &[u8]) -> bool {
        if *name == CONTENT_LENGTH {
            self.lengths += 1;
            self.length = http1::length(value);
        } else if *name == TRANSFER_ENCODING {
            self.codings += 1;
            self.chunked = value.eq_ignore_ascii_case(b"chunked");
        } else if *name == CONNECTION {
            self.connection = true;
            for word in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                self.close |= word.eq_ignore_ascii_case(b"close");
                self.keep_alive |= word.eq_ignore_ascii_case(b"keep-alive");
            }
            return !matches!(value, b"keep-alive" | b"close");
        }
        true
    }

    /// How the body ends, and whether that was told in one way only. What was told in two ways of which one counts is good
    /// for this answer, and the connection is not used again: a body that comes all the same, and later, would be the next
    /// one's answer.
    fn framing(&self, status: StatusCode, version: Version, head_only: bool) -> Result<(Reading, bool), ReadError> {
        let nonsense = |why| Err(ReadError::Nonsense(why));
        if self.lengths > 1 || (self.lengths == 1 && self.length.is_none()) {
            return nonsense("its length is ambiguous");
        }
        let clear = self.codings == 0 || self.lengths == 0;
        let bodyless =
            matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED | StatusCode::SWITCHING_PROTOCOLS);
        if bodyless {
            return Ok((Reading::Done, self.codings == 0 && matches!(self.length, None | Some(0))));
        }
        if head_only {
            return Ok((Reading::Done, self.codings == 0 && self.length == Some(0)));
        }
        match (self.codings, self.length) {
            (1.., _) if version == Version::HTTP_10 => nonsense("HTTP/1.0 knows no transfer coding"),
            (1, _) if self.chunked => Ok((Reading::Chunked(Chunks::new()), clear)),
            (1.., _) => nonsense("its transfer coding is not known"),
            (0, Some(0)) => Ok((Reading::Done, clear)),
            (0, Some(length)) => Ok((Reading::Exact(length), clear)),
            (0, None) => Ok((Reading::ToTheEnd, clear)),
        }
    }

    /// RFC 9112, section 9.3.
    fn stays_open(&self, version: Version) -> bool {
        let modern = version == Version::HTTP_11;
        if self.connection { !self.close && (modern || self.keep_alive) } else { modern }
    }
}

const MALFORMED: ReadError = ReadError::Nonsense("a field of it is malformed");
/// More fields than any answer has.
const MOST_FIELDS: usize = 128;
/// Room for those that the gateway adds, so that the map need not grow for them.
const OURS: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &str) -> Result<Parsed, ReadError> {
        parse(&mut BytesMut::from(head), false)
    }

    #[test]
    fn the_end_of_a_body_and_of_a_connection_is_told_in_one_way() {
        for (head, left, again) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n", "Exact(3)", true),
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "Done", true),
            ("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3\r\n\r\n", "Exact(3)", false),
            ("HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\n", "Exact(3)", false),
            ("HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 3\r\n\r\n", "Exact(3)", true),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n", "Chunked", true),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n", "Chunked", false),
            ("HTTP/1.1 200 OK\r\n\r\n", "ToTheEnd", false),
            ("HTTP/1.1 204 No\r\n\r\n", "Done", true),
            ("HTTP/1.1 204 No\r\ncontent-length: 0\r\n\r\n", "Done", true),
            ("HTTP/1.1 204 No\r\ncontent-length: 3\r\n\r\n", "Done", false),
            ("HTTP/1.1 204 No\r\ntransfer-encoding: chunked\r\n\r\n", "Done", false),
            ("HTTP/1.1 304 No\r\n\r\n", "Done", true),
            ("HTTP/1.1 304 No\r\ncontent-length: 3\r\n\r\n", "Done", false),
            ("HTTP/1.1 304 No\r\ntransfer-encoding: chunked\r\n\r\n", "Done", false),
        ] {
            let Ok(Parsed::Final { reading, reusable, .. }) = read(head) else { panic!("{head:?}") };
            assert!(format!("{reading:?}").starts_with(left), "{head:?}: {reading:?}");
            assert_eq!(reusable, again, "{head:?}");
        }
    }

    #[test]
    fn after_a_head_alone_a_connection_is_used_again_only_where_the_head_announces_no_body() {
        for (head, again) in [
            ("200 OK\r\ncontent-length: 0", true),
            ("204 No\r\nx: 1", true),
            ("304 No\r\netag: x", true),
            ("200 OK\r\ncontent-length: 3", false),
            ("200 OK\r\ntransfer-encoding: chunked", false),
            ("200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 0", false),
            ("200 OK\r\nx: 1", false),
            ("304 No\r\ncontent-length: 3", false),
        ] {
            let parsed = parse(&mut BytesMut::from(&*format!("HTTP/1.1 {head}\r\n\r\n")), true);
            let Ok(Parsed::Final { reading: Reading::Done, reusable, .. }) = parsed else { panic!("{head:?}") };
            assert_eq!(reusable, again, "{head:?}");
        }
    }

    #[test]
    fn a_head_of_two_meanings_is_none() {
        for head in [
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 3\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 3, 3\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: +3\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 9999999999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nx : 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nx: 1\r\n folded\r\n\r\n",
            "HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n",
            "HTTP/1.1 099 No\r\n\r\n",
            "HTTP/2 200 OK\r\n\r\n",
            "ICY 200 OK\r\n\r\n",
        ] {
            assert!(read(head).is_err(), "{head:?}");
        }
        assert!(read(&format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: 1\r\n".repeat(MOST_FIELDS + 1))).is_err());
    }

    #[test]
    fn what_follows_a_head_stays_where_it_is() {
        let mut inbox = BytesMut::from(
            "HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 201 Fine By Me\r\nX-A: 1\r\nx-a: 2\r\n\r\nrest",
        );
        assert!(matches!(parse(&mut inbox, false), Ok(Parsed::Interim)));
        let Ok(Parsed::Final { response, .. }) = parse(&mut inbox, false) else { panic!() };
        assert_eq!(response.status(), 201);
        assert_eq!(response.extensions().get::<ReasonPhrase>().unwrap().as_bytes(), b"Fine By Me");
        assert_eq!(response.headers().get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(inbox, "rest");
        assert!(matches!(read("HTTP/1.1 200 OK\r\nx: 1\r\n"), Ok(Parsed::Partial)));
    }
}
