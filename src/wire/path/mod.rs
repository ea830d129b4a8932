//! The one path we match and forward; an ambiguous one is refused (RFC 3986, section 6.2.2; RFC 9110, section 17.11).
mod lenient;

use std::borrow::Cow;
use std::fmt;

use http::uri::PathAndQuery;
use memchr::memchr;

pub(crate) use lenient::Spellings;

use lenient::Lenient;

use super::Shown;
use super::shown::take_parameter;

/// A path that can be read in one way only: the sole input of matching and the sole source of what is forwarded.
///
/// Percent-encoded unreserved characters are decoded, every other byte stays as it was sent. The query rides along
/// byte for byte and is never matched.
#[derive(Clone)]
pub(crate) struct CanonPath {
    /// The path in its canonical spelling, and the query as it was sent.
    target: PathAndQuery,
    /// The path with every escape decoded, when it has one; no `/` can come out of an escape.
    decoded: Option<Box<[u8]>>,
    /// Set where it has a spelling that only some routes let through.
    lenient: Option<Box<Lenient>>,
}

impl CanonPath {
    /// Reads the path of a request target; the only way to get one.
    pub(crate) fn parse(target: &PathAndQuery) -> Result<Self, PathError> {
        let whole = target.as_str();
        let path = memchr(b'?', whole.as_bytes()).and_then(|at| whole.get(..at)).unwrap_or(whole);
        match canonical(path)? {
            Canonical::AsSent => Ok(Self { target: target.clone(), decoded: None, lenient: None }),
            Canonical::Escaped { text, decoded } if text == path => {
                Ok(Self { target: target.clone(), decoded: Some(decoded.into_boxed_slice()), lenient: None })
            }
            Canonical::Escaped { text, decoded } => Ok(Self {
                target: join(&text, target.query())?,
                decoded: Some(decoded.into_boxed_slice()),
                lenient: None,
            }),
        }
    }

    /// The same for a request target where some route lets these spellings through; which one may, its route says.
    pub(crate) fn parse_as(target: &PathAndQuery, takes: Spellings) -> Result<Self, PathError> {
        match Self::parse(target) {
            Err(PathError::Semicolon | PathError::EncodedSlash | PathError::EmptySegment)
                if takes != Spellings::default() =>
            {
                lenient::parse(target, takes)
            }
            read => read,
        }
    }

    /// What this path has that only some routes let through, and how a backend may read it that cuts parameters off,
    /// decodes slashes and merges empty segments.
    pub(crate) fn other_reading(&self) -> Option<(Spellings, Self)> {
        let lenient = self.lenient.as_ref()?;
        let target = PathAndQuery::from_static("/");
        Some((lenient.has, Self { target, decoded: Some(lenient.bare.clone()), lenient: None }))
    }

    /// Reads a path that stands alone; a `?` is refused.
    pub(crate) fn parse_text(path: &str) -> Result<Self, PathError> {
        if path.contains(['?', '#']) {
            return Err(PathError::Delimiter);
        }
        if !path.starts_with('/') {
            return Err(PathError::NoSlash);
        }
        Self::parse(&PathAndQuery::try_from(path).map_err(|_| PathError::Byte)?)
    }

    /// The same path, and what a parameter of the query showed, which is taken off.
    pub(super) fn without(self, parameter: &str) -> Result<(Self, Shown), PathError> {
        let Some((left, shown)) = self.query().and_then(|query| take_parameter(query, parameter)) else {
            return Ok((self, Shown::Nothing));
        };
        let target = join(self.as_str(), Some(left.as_str()).filter(|left| !left.is_empty()))?;
        Ok((Self { target, ..self }, shown))
    }

    /// The path that is forwarded and logged, without the query.
    pub(crate) fn as_str(&self) -> &str {
        self.target.path()
    }

    /// What followed `?`, byte for byte; `Some("")` for a `?` with nothing behind it.
    pub(crate) fn query(&self) -> Option<&str> {
        self.target.query()
    }

    /// Path and query as they go to an upstream.
    pub(crate) const fn target(&self) -> &PathAndQuery {
        &self.target
    }

    /// What matching compares: octets, so that `%C3%A9` and `%c3%a9` are the same.
    pub(crate) fn octets(&self) -> &[u8] {
        self.decoded.as_deref().unwrap_or_else(|| self.as_str().as_bytes())
    }
}

impl fmt::Debug for CanonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for CanonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a path is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathError {
    #[error("the path does not begin with /")]
    NoSlash,
    #[error("the path has a . or .. segment")]
    DotSegment,
    #[error("the path has an empty segment")]
    EmptySegment,
    #[error("the path has a backslash")]
    Backslash,
    #[error("the path has an encoded slash")]
    EncodedSlash,
    #[error("the path has a semicolon")]
    Semicolon,
    #[error("the path has ? or # in its segments")]
    Delimiter,
    #[error("the path has a control character or a byte that must be encoded")]
    Byte,
    #[error("the path has a percent sign that is not followed by two hexadecimal digits")]
    BadEscape,
    #[error("the path is encoded twice")]
    EncodedTwice,
    #[error("the path's escapes are not UTF-8")]
    NotUtf8,
    #[error("the path is longer than {MAX_PATH} bytes")]
    TooLong,
}

/// A route's path prefix; it covers itself and everything under it, by whole segments.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PathPrefix {
    /// Without the trailing slash: "" for "/", else "/api".
    text: String,
    octets: Vec<u8>,
}

impl PathPrefix {
    /// Reads what an operator wrote, through the same door as a request's path. It must stand there in canonical form.
    pub(crate) fn parse(text: &str) -> Result<Self, PathError> {
        let path = CanonPath::parse_text(text)?;
        let octets = path.octets();
        let octets = octets.strip_suffix(b"/").unwrap_or(octets).to_vec();
        let text = path.as_str();
        Ok(Self { text: text.strip_suffix('/').unwrap_or(text).to_owned(), octets })
    }

    /// "/" or "/api".
    pub(crate) fn as_str(&self) -> &str {
        if self.text.is_empty() { "/" } else { &self.text }
    }

    /// Without the trailing slash, decoded: what a table of prefixes is keyed by.
    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Whether the path is this prefix or lies under it.
    pub(crate) fn covers(&self, path: &CanonPath) -> bool {
        path.octets().strip_prefix(self.octets.as_slice()).is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
    }

    /// Path and query as the upstream knows them: without this prefix, "/" when nothing is left of the path.
    ///
    /// The path is cut at a segment, so what is left was checked with the whole; where it has escapes it is read again all
    /// the same.
    pub(crate) fn strip<'p>(&self, path: &'p CanonPath) -> Result<Cow<'p, str>, PathError> {
        if !self.covers(path) {
            return Err(PathError::NoSlash);
        }
        if path.decoded.is_none() && path.lenient.is_none() {
            let rest = path.target.as_str().get(self.octets.len()..).unwrap_or_default();
            return Ok(if rest.starts_with('/') { Cow::Borrowed(rest) } else { Cow::Owned(format!("/{rest}")) });
        }
        let segments = self.octets.iter().filter(|&&octet| octet == b'/').count();
        let rest = path.as_str().match_indices('/').nth(segments).and_then(|(at, _)| path.as_str().get(at..));
        let rest = join(rest.unwrap_or("/"), path.query())?;
        // Two slashes at the beginning would name a host to some.
        let takes = path.lenient.as_ref().filter(|_| !rest.as_str().starts_with("//")).map(|lenient| lenient.has);
        CanonPath::parse_as(&rest, takes.unwrap_or_default()).map(|left| Cow::Owned(left.target.to_string()))
    }
}

impl fmt::Debug for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

enum Canonical {
    /// No escape in it: what was sent is what is matched and forwarded.
    AsSent,
    Escaped {
        text: String,
        decoded: Vec<u8>,
    },
}

fn canonical(path: &str) -> Result<Canonical, PathError> {
    if path.len() > MAX_PATH {
        return Err(PathError::TooLong);
    }
    if !path.starts_with('/') {
        return Err(PathError::NoSlash);
    }
    let mut escaped = false;
    for byte in path.bytes() {
        match CLASS.get(usize::from(byte)) {
            Some(Class::Plain) => {}
            Some(Class::Percent) => escaped = true,
            Some(Class::Refused(why)) => return Err(*why),
            None => return Err(PathError::Byte),
        }
    }
    if !escaped {
        return segments_are_plain(path.as_bytes()).map(|()| Canonical::AsSent);
    }
    let (text, decoded) = decode(path)?;
    segments_are_plain(&decoded)?;
    std::str::from_utf8(&decoded).map_err(|_| PathError::NotUtf8)?;
    Ok(Canonical::Escaped { text, decoded })
}

/// Refuses `.`, `..` and empty segments; one trailing slash is no empty segment.
fn segments_are_plain(path: &[u8]) -> Result<(), PathError> {
    // A segment that is empty or begins with a dot is rare: look closer only then.
    if !path.windows(2).any(|pair| matches!(pair, b"//" | b"/.")) {
        return Ok(());
    }
    for segment in path.strip_suffix(b"/").unwrap_or(path).split(|&byte| byte == b'/').skip(1) {
        match segment {
            b"" => return Err(PathError::EmptySegment),
            b"." | b".." => return Err(PathError::DotSegment),
            _ => {}
        }
    }
    if path.ends_with(b"//") { Err(PathError::EmptySegment) } else { Ok(()) }
}

/// The canonical spelling, and the octets that it means.
fn decode(path: &str) -> Result<(String, Vec<u8>), PathError> {
    let mut text = String::with_capacity(path.len());
    let mut octets = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        octets.extend_from_slice(before.as_bytes());
        let (digits, after) = after.split_at_checked(2).ok_or(PathError::BadEscape)?;
        let octet = unhex(digits).ok_or(PathError::BadEscape)?;
        match octet {
            b'/' => return Err(PathError::EncodedSlash),
            b'\\' => return Err(PathError::Backslash),
            b';' => return Err(PathError::Semicolon),
            b'?' | b'#' => return Err(PathError::Delimiter),
            0x00..=0x1f | 0x7f => return Err(PathError::Byte),
            b'-' | b'.' | b'_' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => text.push(char::from(octet)),
            _ => {
                text.push('%');
                text.push_str(digits);
            }
        }
        octets.push(octet);
        rest = after;
    }
    text.push_str(rest);
    octets.extend_from_slice(rest.as_bytes());
    if decodes_again(&octets) { Err(PathError::EncodedTwice) } else { Ok((text, octets)) }
}

/// Whether a percent sign that came out of an escape makes a new escape: a reader that decodes twice sees another path.
fn decodes_again(octets: &[u8]) -> bool {
    octets
        .windows(3)
        .any(|three| matches!(three, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit()))
}

fn unhex(digits: &str) -> Option<u8> {
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

fn join(path: &str, query: Option<&str>) -> Result<PathAndQuery, PathError> {
    let whole = match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    PathAndQuery::try_from(whole).map_err(|_| PathError::Byte)
}

#[derive(Clone, Copy)]
enum Class {
    Plain,
    Percent,
    Refused(PathError),
}

/// Bytes of a path. Beside RFC 3986's `pchar` the visible characters that browsers send raw are let through: they are
/// forwarded as they came and mean the same encoded or not.
const CLASS: [Class; 256] = {
    let mut table = [Class::Refused(PathError::Byte); 256];
    let mut byte = 0x21;
    while byte < 0x7f {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler: a wrong index does not build")]
        {
            table[byte] = match byte {
                0x25 => Class::Percent,
                0x5c => Class::Refused(PathError::Backslash),
                0x3b => Class::Refused(PathError::Semicolon),
                0x3f | 0x23 => Class::Refused(PathError::Delimiter),
                _ => Class::Plain,
            };
        }
        byte += 1;
    }
    table
};

/// Longer paths are a mistake or an attack; every server in common use takes this much.
const MAX_PATH: usize = 8 * 1024;

#[cfg(test)]
mod tests;
