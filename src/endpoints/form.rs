//! A small body: bounded in bytes and time, of one content type, never decoded.
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http_body::Body as _;
use serde::de::DeserializeOwned;
use serde::de::value::MapDeserializer;
use serde::{Deserialize, Deserializer};

use std::time::Duration;

use crate::refusal::{FieldProblem, Refusal};
use crate::wire::{Body, BodyProblem, Wiped, collect_small};

/// Largest form we read. A login is two short fields; more is a mistake or an attack.
pub(super) const MAX_FORM_BYTES: usize = 4 * 1024;
/// Beside the fields, a page to come back to: a path and a query of 4 KiB, escaped.
const MAX_PAGE_FORM_BYTES: usize = 16 * 1024;
const FORM: &str = "application/x-www-form-urlencoded";

/// Reads a JSON object of exactly the members of `T`, as far as `T` says so.
pub(super) async fn json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    deadline: Duration,
) -> Result<T, Refusal> {
    expect_type(headers, "application/json")?;
    let bytes = small(body, deadline).await?;
    object(&bytes)
}

/// As [`json`], or the fields of a form on a page that needs no script.
pub(super) async fn fields<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    deadline: Duration,
) -> Result<T, Refusal> {
    if is_json(headers) {
        return json(headers, body, deadline).await;
    }
    match pairs(headers, body, deadline).await {
        Ok(pairs) => pairs.read().ok_or_else(|| Refusal::named("bad_json")),
        Err(PairsError::Malformed) => Err(Refusal::named("bad_json")),
        Err(PairsError::Refused(refusal)) => Err(refusal),
    }
}

/// As [`fields`], where no body at all is fine too.
pub(super) async fn fields_or_nothing<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    deadline: Duration,
) -> Result<Option<T>, Refusal> {
    if headers.contains_key(CONTENT_TYPE) && !is_json(headers) {
        return fields(headers, body, deadline).await.map(Some);
    }
    json_or_nothing(headers, body, deadline).await
}

/// As [`json`], where no body at all is fine too.
pub(super) async fn json_or_nothing<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    deadline: Duration,
) -> Result<Option<T>, Refusal> {
    let said_type = headers.contains_key(CONTENT_TYPE);
    if said_type {
        expect_type(headers, "application/json")?;
    }
    let bytes = small(body, deadline).await?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    if !said_type {
        return Err(Refusal::named("unsupported_media_type"));
    }
    object(&bytes).map(Some)
}

/// Members stand by name: serde would also take a list for a struct, in the order of its fields.
fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    let is_object = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    let read = if is_object { serde_json::from_slice(bytes).ok() } else { None };
    read.ok_or_else(|| Refusal::named("bad_json"))
}

/// A member whose absence is told apart: see [`missing`]. What is there has its type; `null` has none.
pub(super) fn there<'de, D: Deserializer<'de>, T: Deserialize<'de>>(member: D) -> Result<Option<T>, D::Error> {
    T::deserialize(member).map(Some)
}

/// Those members that must be there and are not, told together.
pub(super) fn missing(members: &[(&'static str, bool)]) -> Refusal {
    let absent = members.iter().filter(|(_, is_there)| !is_there);
    let problem =
        |&(field, _): &(&'static str, bool)| FieldProblem { field, code: "required", detail: "is needed".to_owned() };
    Refusal::fields(absent.map(problem).collect())
}

/// A JSON object that a script of a page put into a field of its form.
pub(super) fn object_in<T: DeserializeOwned>(field: Option<&crate::base::Secret>) -> Result<T, Refusal> {
    object(field.map_or("", crate::base::Secret::expose).as_bytes())
}

/// As [`pairs`], with room for a page to come back to.
pub(super) async fn page_form(headers: &HeaderMap, body: Body, deadline: Duration) -> Result<Pairs, Refusal> {
    expect_type(headers, FORM)?;
    let bytes = at_most(MAX_PAGE_FORM_BYTES, body, deadline).await?;
    Pairs::parse(&bytes).ok_or_else(|| Refusal::named("bad_request"))
}

/// As [`json`], with room for what a device says of a key.
pub(super) async fn page_json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    deadline: Duration,
) -> Result<T, Refusal> {
    expect_type(headers, "application/json")?;
    object(&at_most(MAX_PAGE_FORM_BYTES, body, deadline).await?)
}

/// Reads `application/x-www-form-urlencoded` as pairs; a name that stands twice is refused (RFC 6749, section 3.2).
pub(super) async fn pairs(headers: &HeaderMap, body: Body, deadline: Duration) -> Result<Pairs, PairsError> {
    expect_type(headers, FORM).map_err(PairsError::Refused)?;
    let bytes = small(body, deadline).await.map_err(PairsError::Refused)?;
    Pairs::parse(&bytes).ok_or(PairsError::Malformed)
}

/// The parameters of an OAuth request: a form, or nothing at all.
pub(super) async fn parameters(headers: &HeaderMap, body: Body, deadline: Duration) -> Result<Pairs, PairsError> {
    if body.is_end_stream() && !headers.contains_key(CONTENT_TYPE) {
        return Ok(Pairs(Vec::new()));
    }
    pairs(headers, body, deadline).await
}

async fn small(body: Body, deadline: Duration) -> Result<Wiped, Refusal> {
    at_most(MAX_FORM_BYTES, body, deadline).await
}

async fn at_most(bytes: usize, body: Body, deadline: Duration) -> Result<Wiped, Refusal> {
    collect_small(body, bytes, deadline).await.map_err(|problem| match problem {
        BodyProblem::TooLarge => Refusal::named("body_too_large"),
        BodyProblem::Stalled => Refusal::named("body_timeout"),
        BodyProblem::Broken(_) => Refusal::named("bad_request"),
    })
}

/// Whether the body is said to be JSON.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    expect_type(headers, "application/json").is_ok()
}

/// Whether the body is said to be a form of a page.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    expect_type(headers, FORM).is_ok()
}

fn expect_type(headers: &HeaderMap, wanted: &str) -> Result<(), Refusal> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let essence = types
        .next()
        .and_then(|value| value.to_str().ok())
        .map(|value| value.split(';').next().unwrap_or_default().trim());
    let fits = essence.is_some_and(|essence| essence.eq_ignore_ascii_case(wanted));
    if fits && types.next().is_none() && !headers.contains_key(CONTENT_ENCODING) {
        Ok(())
    } else {
        Err(Refusal::named("unsupported_media_type"))
    }
}

pub(super) enum PairsError {
    Refused(Refusal),
    Malformed,
}

/// The fields of a form, each at most once. Wiped when dropped: passwords stand in them.
#[derive(Debug)]
pub(super) struct Pairs(Vec<(String, crate::base::Secret)>);

impl Pairs {
    /// The parameters of a query; one that cannot be read says nothing.
    pub(super) fn of_query(query: &str) -> Self {
        Self::parse(query.as_bytes()).unwrap_or_else(|| Self(Vec::new()))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut pairs: Vec<(String, crate::base::Secret)> = Vec::new();
        for piece in bytes.split(|&byte| byte == b'&').filter(|piece| !piece.is_empty()) {
            let at = piece.iter().position(|&byte| byte == b'=').unwrap_or(piece.len());
            let (name, value) = piece.split_at(at);
            let name = decode(name)?;
            if pairs.iter().any(|(other, _)| *other == name) {
                return None;
            }
            pairs.push((name, crate::base::Secret::new(decode(value.get(1..).unwrap_or_default())?)));
        }
        Some(Self(pairs))
    }

    /// As a JSON object of texts would be read. The token of a page's form is no member: it is checked where it matters.
    fn read<T: DeserializeOwned>(&self) -> Option<T> {
        let members = self.0.iter().filter(|(name, _)| name != "csrf");
        let members = members.map(|(name, value)| (name.as_str(), value.expose()));
        T::deserialize(MapDeserializer::<_, serde::de::value::Error>::new(members)).ok()
    }

    /// A field; one without a value counts as left out (RFC 6749, section 3.2).
    pub(super) fn take(&mut self, name: &str) -> Option<crate::base::Secret> {
        let at = self.0.iter().position(|(other, _)| other == name)?;
        let (_, value) = self.0.swap_remove(at);
        (!value.expose().is_empty()).then_some(value)
    }
}

/// The URL standard's form decoding: `+` is a blank, `%HH` a byte; anything else stands for itself.
fn decode(bytes: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let (pair, tail) = rest.split_at_checked(2)?;
                out.push(
                    u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok().filter(|_| !pair.starts_with(b"+"))?,
                );
                rest = tail;
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_decoded_as_browsers_encode_it() {
        let mut pairs = Pairs::parse(b"username=ann&password=a+b%26%C3%A9%2B&scope=").unwrap();
        assert_eq!(pairs.take("username").unwrap().expose(), "ann");
        assert_eq!(pairs.take("password").unwrap().expose(), "a b&é+");
        assert!(pairs.take("scope").is_none());
        assert!(pairs.take("nothing").is_none());
    }

    #[test]
    fn a_name_twice_or_a_bad_escape_is_refused() {
        for wrong in [&b"a=1&a=2"[..], b"a=%", b"a=%2", b"a=%zz", b"a=%+1", b"a=%ff"] {
            assert!(Pairs::parse(wrong).is_none(), "{wrong:?}");
        }
    }
}
