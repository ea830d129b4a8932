//! The head of an answer in bytes, and how its body is told from what follows (RFC 9112, section 6).
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use http::response::Parts;
use http::{StatusCode, Version};
use hyper::ext::ReasonPhrase;

use super::date;
use crate::wire::http1;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Nothing,
    /// So many bytes are still to come.
    Exact(u64),
    Chunked,
    /// The body ends with the connection: HTTP/1.0 knows no other way when the length is not known.
    ToTheEnd,
}

/// What was asked, as far as the answer's form depends on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) version: Version,
    pub(super) head_only: bool,
    /// Another request may follow.
    pub(super) keep_alive: bool,
}

/// Writes a head; `length` is the body's where it is known. Says how the body is written, and whether another request may follow.
pub(super) fn write(parts: &Parts, length: Option<u64>, asked: Asked, out: &mut Vec<u8>) -> (Coding, bool) {
    out.reserve(USUAL);
    write_line(parts, asked.version, out);
    let said = write_fields(parts, out);
    let bodiless =
        parts.status.is_informational() || matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let coding = match said.length.or(length) {
        _ if asked.head_only || bodiless => Coding::Nothing,
        Some(0) => Coding::Nothing,
        Some(length) => Coding::Exact(length),
        None if asked.version == Version::HTTP_10 => Coding::ToTheEnd,
        None => Coding::Chunked,
    };
    let keep_alive = asked.keep_alive && !said.close && coding != Coding::ToTheEnd;
    match coding {
        Coding::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Coding::ToTheEnd => {}
        Coding::Exact(length) => write_length(length, out),
        Coding::Nothing => write_what_would_be(parts.status, said.length, length, asked.head_only, out),
    }
    if !said.connection {
        match (keep_alive, asked.version) {
            (false, _) => out.extend_from_slice(b"connection: close\r\n"),
            (true, Version::HTTP_10) => out.extend_from_slice(b"connection: keep-alive\r\n"),
            (true, _) => {}
        }
    }
    if !said.date {
        out.extend_from_slice(b"date: ");
        date::write(out);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    (coding, keep_alive)
}

/// What the fields say of the connection and of the body.
#[derive(Default)]
struct Said {
    length: Option<u64>,
    connection: bool,
    close: bool,
    date: bool,
}

/// All but what frames, which is written after them, once.
fn write_fields(parts: &Parts, out: &mut Vec<u8>) -> Said {
    let mut said = Said::default();
    for (name, value) in &parts.headers {
        if *name == CONTENT_LENGTH {
            said.length = http1::length(value.as_bytes());
            continue;
        }
        if *name == TRANSFER_ENCODING {
            continue;
        }
        said.date |= *name == DATE;
        if *name == CONNECTION {
            said.connection = true;
            said.close |= value.as_bytes().eq_ignore_ascii_case(b"close");
        }
        write_field(name.as_str().as_bytes(), value.as_bytes(), out);
    }
    said
}

fn write_line(parts: &Parts, version: Version, out: &mut Vec<u8>) {
    out.extend_from_slice(if version == Version::HTTP_10 { b"HTTP/1.0 " } else { b"HTTP/1.1 " });
    out.extend_from_slice(parts.status.as_str().as_bytes());
    out.push(b' ');
    let reason = match parts.extensions.get::<ReasonPhrase>() {
        Some(reason) => reason.as_bytes(),
        None => parts.status.canonical_reason().unwrap_or_default().as_bytes(),
    };
    out.extend_from_slice(reason);
    out.extend_from_slice(b"\r\n");
}

fn write_field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// An answer to HEAD and a 304 may tell the length that the body would have (RFC 9110, section 8.6).
fn write_what_would_be(status: StatusCode, said: Option<u64>, length: Option<u64>, head_only: bool, out: &mut Vec<u8>) {
    let told = if status == StatusCode::NOT_MODIFIED {
        said
    } else if status.is_informational() || status == StatusCode::NO_CONTENT {
        None
    } else {
        said.or(length.filter(|&length| length > 0 || !head_only))
    };
    if let Some(length) = told {
        write_length(length, out);
    }
}

fn write_length(length: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"content-length: ");
    let mut digits = [0_u8; 20];
    let mut left = length;
    let mut count = 0;
    for place in digits.iter_mut().rev() {
        // A digit is below ten.
        *place = b'0' + u8::try_from(left % 10).unwrap_or_default();
        left /= 10;
        count += 1;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - count..).unwrap_or_default());
    out.extend_from_slice(b"\r\n");
}

const USUAL: usize = 512;

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;

    type Fields = &'static [(&'static str, &'static str)];
    type Case = (u16, Fields, Option<u64>, Asked, &'static str, Coding, bool);

    fn written(status: u16, fields: Fields, length: Option<u64>, asked: Asked) -> (String, Coding, bool) {
        let mut response = Response::builder().status(status);
        for (name, value) in fields {
            response = response.header(*name, *value);
        }
        let (parts, ()) = response.header("date", "d").body(()).unwrap().into_parts();
        let mut out = Vec::new();
        let (coding, keep_alive) = write(&parts, length, asked, &mut out);
        (String::from_utf8(out).unwrap().replace("date: d\r\n", ""), coding, keep_alive)
    }

    const KEPT: Asked = Asked { version: Version::HTTP_11, head_only: false, keep_alive: true };
    const OLD: Asked = Asked { version: Version::HTTP_10, ..KEPT };
    const HEAD: Asked = Asked { head_only: true, ..KEPT };
    const LAST: Asked = Asked { keep_alive: false, ..KEPT };

    #[test]
    fn the_end_of_a_body_is_told_in_one_way() {
        #[rustfmt::skip]
        let cases: &[Case] = &[
            (200, &[], Some(5), KEPT, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", Coding::Exact(5), true),
            (200, &[], Some(0), KEPT, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Coding::Nothing, true),
            (200, &[("content-length", "5")], None, KEPT, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", Coding::Exact(5), true),
            (200, &[], None, KEPT, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", Coding::Chunked, true),
            (200, &[("transfer-encoding", "gzip")], None, KEPT, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", Coding::Chunked, true),
            (200, &[], None, OLD, "HTTP/1.0 200 OK\r\nconnection: close\r\n\r\n", Coding::ToTheEnd, false),
            (200, &[], Some(5), OLD, "HTTP/1.0 200 OK\r\ncontent-length: 5\r\nconnection: keep-alive\r\n\r\n", Coding::Exact(5), true),
            (200, &[("content-length", "5")], Some(0), HEAD, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", Coding::Nothing, true),
            (200, &[], Some(5), HEAD, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", Coding::Nothing, true),
            (200, &[], Some(0), HEAD, "HTTP/1.1 200 OK\r\n\r\n", Coding::Nothing, true),
            (204, &[], Some(0), KEPT, "HTTP/1.1 204 No Content\r\n\r\n", Coding::Nothing, true),
            (304, &[("content-length", "9")], Some(0), KEPT, "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", Coding::Nothing, true),
            (304, &[], Some(0), KEPT, "HTTP/1.1 304 Not Modified\r\n\r\n", Coding::Nothing, true),
            (101, &[("connection", "upgrade")], Some(0), KEPT, "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\r\n", Coding::Nothing, true),
            (599, &[], Some(1), LAST, "HTTP/1.1 599 \r\ncontent-length: 1\r\nconnection: close\r\n\r\n", Coding::Exact(1), false),
            (200, &[("connection", "close")], Some(1), KEPT, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\n", Coding::Exact(1), false),
            (200, &[], Some(u64::MAX), KEPT, "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551615\r\n\r\n", Coding::Exact(u64::MAX), true),
        ];
        for (status, fields, length, asked, expected, coding, keep_alive) in cases {
            let (text, written_as, kept) = written(*status, fields, *length, *asked);
            assert_eq!((text.as_str(), written_as, kept), (*expected, *coding, *keep_alive), "{status} {fields:?}");
        }
    }

    #[test]
    fn a_date_is_added_where_there_is_none() {
        let (parts, ()) = Response::new(()).into_parts();
        let mut out = Vec::new();
        write(&parts, Some(0), KEPT, &mut out);
        let text = String::from_utf8(out).unwrap();
        let date = text.lines().find_map(|line| line.strip_prefix("date: ")).unwrap();
        assert!(httpdate::parse_http_date(date).is_ok(), "{date}");
    }
}
