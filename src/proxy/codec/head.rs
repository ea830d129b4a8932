//! The head of an answer, and what it says of the body's end (RFC 9112, section 6.3).
use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version};
use httparse::{ParserConfig, Status};
use hyper::ext::ReasonPhrase;

use super::{ReadError, Reading};
use crate::proxy::hop::has_word;
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
    // Names and values share the bytes that were read; until those can be shared, only their places are kept.
    let base = inbox.as_ptr().addr();
    let place = |field: &httparse::Header<'_>| Place {
        name: within(base, field.name.as_bytes()),
        value: within(base, field.value),
    };
    let places: Vec<_> = response.headers.iter().map(place).collect();
    let headers = fields(&inbox.split_to(length).freeze(), &places)?;
    let (reading, clear) = framing(status, version, &headers, head_only)?;
    let open = stays_open(version, &headers) && !matches!(reading, Reading::ToTheEnd);
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if let Some(reason) = reason {
        response.extensions_mut().insert(reason);
    }
    Ok(Parsed::Final { response, reading, reusable: clear && open })
}

/// Where a field's name and value begin and end.
#[derive(Clone, Copy)]
struct Place {
    name: (usize, usize),
    value: (usize, usize),
}

fn within(base: usize, text: &[u8]) -> (usize, usize) {
    let from = text.as_ptr().addr() - base;
    (from, from + text.len())
}

#[expect(clippy::disallowed_methods, reason = "an upstream's own fields may have several lines")]
fn fields(bytes: &Bytes, places: &[Place]) -> Result<HeaderMap, ReadError> {
    const MALFORMED: ReadError = ReadError::Nonsense("a field of it is malformed");
    let mut headers = HeaderMap::with_capacity(places.len() + OURS);
    for place in places {
        let name = bytes.get(place.name.0..place.name.1).and_then(|name| HeaderName::from_bytes(name).ok());
        let value = HeaderValue::from_maybe_shared(bytes.slice(place.value.0..place.value.1)).map_err(|_| MALFORMED)?;
        headers.append(name.ok_or(MALFORMED)?, value);
    }
    Ok(headers)
}

/// How the body ends, and whether that was told in one way only. What was told in two ways of which one counts is good
/// for this answer, and the connection is not used again.
fn framing(
    status: StatusCode,
    version: Version,
    headers: &HeaderMap,
    head_only: bool,
) -> Result<(Reading, bool), ReadError> {
    let nonsense = |why| Err(ReadError::Nonsense(why));
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let (coding, length) = (codings.next(), lengths.next());
    let length = match length.map(|length| http1::length(length.as_bytes())) {
        None => None,
        Some(Some(length)) if lengths.next().is_none() => Some(length),
        Some(_) => return nonsense("its length is ambiguous"),
    };
    let clear = coding.is_none() || length.is_none();
    let bodyless =
        matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED | StatusCode::SWITCHING_PROTOCOLS);
    if head_only || bodyless {
        return Ok((Reading::Done, clear));
    }
    match (coding, length) {
        (Some(_), _) if version == Version::HTTP_10 => nonsense("HTTP/1.0 knows no transfer coding"),
        (Some(coding), _) if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") => {
            nonsense("its transfer coding is not known")
        }
        (Some(_), _) => Ok((Reading::Chunked(Chunks::new()), clear)),
        (None, Some(0)) => Ok((Reading::Done, clear)),
        (None, Some(length)) => Ok((Reading::Exact(length), clear)),
        (None, None) => Ok((Reading::ToTheEnd, clear)),
    }
}

/// RFC 9112, section 9.3.
fn stays_open(version: Version, headers: &HeaderMap) -> bool {
    if !headers.contains_key(CONNECTION) {
        return version == Version::HTTP_11;
    }
    !has_word(headers, b"close") && (version == Version::HTTP_11 || has_word(headers, b"keep-alive"))
}

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
            ("HTTP/1.1 204 No\r\ncontent-length: 3\r\n\r\n", "Done", true),
            ("HTTP/1.1 304 No\r\ntransfer-encoding: chunked\r\n\r\n", "Done", true),
        ] {
            let Ok(Parsed::Final { reading, reusable, .. }) = read(head) else { panic!("{head:?}") };
            assert!(format!("{reading:?}").starts_with(left), "{head:?}: {reading:?}");
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
