//! What makes a request ambiguous, whichever way it came: over HTTP/2 hyper lets all of this through.
use http::header::{AUTHORIZATION, CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Uri, Version};

use super::BadRequest;
use crate::wire::{Authority, http1};

pub(super) fn method(method: &Method) -> Result<(), BadRequest> {
    if *method == Method::CONNECT {
        return Err(BadRequest::Connect);
    }
    let known = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    if method.as_str().bytes().all(known) { Ok(()) } else { Err(BadRequest::Method) }
}

/// The one well-formed host; `None` only for HTTP/1.0, which may go without.
///
/// An absolute target and `:authority` name a host too: it must be the same one (RFC 9112, section 3.2.2; RFC 9113,
/// section 8.3.1).
pub(super) fn host(
    uri: &Uri,
    version: Version,
    headers: &HeaderMap,
) -> Result<Option<(HeaderValue, Authority)>, BadRequest> {
    let field = field_host(headers)?;
    match (uri.scheme_str(), uri.authority()) {
        (Some("http" | "https"), Some(named)) => {
            let authority = Authority::parse(named.as_str().as_bytes()).ok_or(BadRequest::Host)?;
            let https = uri.scheme_str() == Some("https");
            match field {
                Some((value, own)) if own.is_same_place(&authority, https) => Ok(Some((value, own))),
                Some(_) => Err(BadRequest::Host),
                None if version == Version::HTTP_11 => Err(BadRequest::Host),
                None => {
                    let value = HeaderValue::from_str(named.as_str()).map_err(|_| BadRequest::Host)?;
                    Ok(Some((value, authority)))
                }
            }
        }
        (None, None) => match field {
            None if version > Version::HTTP_10 => Err(BadRequest::Host),
            field => Ok(field),
        },
        // HTTP/2 may leave `:authority` out when there is a `Host`.
        (Some("http" | "https"), None) => field.map(Some).ok_or(BadRequest::Host),
        // Another scheme, or a bare authority, which only CONNECT may use.
        (Some(_), _) | (None, Some(_)) => Err(BadRequest::Target),
    }
}

fn field_host(headers: &HeaderMap) -> Result<Option<(HeaderValue, Authority)>, BadRequest> {
    let mut fields = headers.get_all(HOST).iter();
    match (fields.next(), fields.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let authority = Authority::parse(value.as_bytes()).ok_or(BadRequest::Host)?;
            Ok(Some((value.clone(), authority)))
        }
        (Some(_), Some(_)) => Err(BadRequest::Host),
    }
}

/// HTTP/1.1 has its blanks around a value taken off while it is read; over HTTP/2 they would be part of it, and the next
/// reader of HTTP/1.1 would take them off (RFC 9113, section 8.2.1).
pub(super) fn values(headers: &HeaderMap, version: Version) -> Result<(), BadRequest> {
    let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let padded = |value: &HeaderValue| is_blank(value.as_bytes().first()) || is_blank(value.as_bytes().last());
    if version >= Version::HTTP_2 && headers.values().any(padded) { Err(BadRequest::Value) } else { Ok(()) }
}

/// One length, told in one way (RFC 9112, section 6.3). Over HTTP/1.1 nothing else is read in the first place.
pub(super) fn framing(headers: &HeaderMap, version: Version) -> Result<(), BadRequest> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    match (codings.next(), codings.next(), lengths.next(), lengths.next()) {
        (None, None, None, None) => Ok(()),
        (None, None, Some(length), None) if http1::length(length.as_bytes()).is_some() => Ok(()),
        (Some(coding), None, None, None)
            if version == Version::HTTP_11 && coding.as_bytes().eq_ignore_ascii_case(b"chunked") =>
        {
            Ok(())
        }
        _ => Err(BadRequest::Framing),
    }
}

/// A WebSocket handshake has no body: what came as one would be read as frames after it (SECURITY-CASES W03).
pub(super) fn handshake(headers: &HeaderMap) -> Result<(), BadRequest> {
    let websocket = headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let empty = !headers.contains_key(TRANSFER_ENCODING)
        && headers.get(CONTENT_LENGTH).is_none_or(|length| length.as_bytes().iter().all(|&digit| digit == b'0'));
    if websocket && !empty { Err(BadRequest::Framing) } else { Ok(()) }
}

pub(super) fn expectation(headers: &HeaderMap) -> Result<(), BadRequest> {
    let mut expectations = headers.get_all(EXPECT).iter();
    if expectations.all(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        Ok(())
    } else {
        Err(BadRequest::Expectation)
    }
}

/// Two credentials would leave it to chance who somebody is.
pub(super) fn credentials(headers: &HeaderMap) -> Result<(), BadRequest> {
    // Nearly always each field has one line.
    if headers.len() == headers.keys_len() {
        return Ok(());
    }
    if headers.get_all(AUTHORIZATION).iter().nth(1).is_some() { Err(BadRequest::DoubleCredentials) } else { Ok(()) }
}
