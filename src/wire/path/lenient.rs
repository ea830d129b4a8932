//! Spellings that are refused unless a backend needs them. A path that has one can be read in two ways at most: as it stands,
//! and as a backend may read it that cuts parameters off, decodes slashes and merges empty segments. Both are kept, and
//! whoever matches must find the same for both.
use http::uri::PathAndQuery;

use super::{CLASS, CanonPath, Class, MAX_PATH, PathError, decodes_again, unhex};

/// Which spellings a route lets through, or which a path has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Spellings {
    /// `/a;v=1/b`
    pub(crate) semicolon: bool,
    /// `/a%2fb`
    pub(crate) encoded_slash: bool,
    /// `/a//b`
    pub(crate) empty_segment: bool,
}

impl Spellings {
    /// What either of them has.
    pub(crate) const fn or(self, other: Self) -> Self {
        Self {
            semicolon: self.semicolon || other.semicolon,
            encoded_slash: self.encoded_slash || other.encoded_slash,
            empty_segment: self.empty_segment || other.empty_segment,
        }
    }

    /// Whether everything that `other` has is let through here.
    pub(crate) fn takes(self, other: Self) -> bool {
        self.or(other) == self
    }

    const fn missing_of(self, has: Self) -> Option<PathError> {
        match () {
            () if has.semicolon && !self.semicolon => Some(PathError::Semicolon),
            () if has.encoded_slash && !self.encoded_slash => Some(PathError::EncodedSlash),
            () if has.empty_segment && !self.empty_segment => Some(PathError::EmptySegment),
            () => None,
        }
    }
}

/// What such a path has, and its other reading.
#[derive(Debug, Clone)]
pub(super) struct Lenient {
    pub(super) has: Spellings,
    /// Parameters cut off, slashes decoded, empty segments merged.
    pub(super) bare: Box<[u8]>,
}

/// Reads a path that the strict reading refuses for one of these spellings.
pub(super) fn parse(target: &PathAndQuery, takes: Spellings) -> Result<CanonPath, PathError> {
    let path = target.path();
    if path.len() > MAX_PATH {
        return Err(PathError::TooLong);
    }
    let (text, literal, decoded, mut has) = decode(path)?;
    std::str::from_utf8(&decoded).map_err(|_| PathError::NotUtf8)?;
    let bare = bare(&decoded, &mut has)?;
    if let Some(why) = takes.missing_of(has) {
        return Err(why);
    }
    let target = if text == path { target.clone() } else { super::join(&text, target.query())? };
    Ok(CanonPath {
        target,
        decoded: Some(literal.into_boxed_slice()),
        lenient: Some(Box::new(Lenient { has, bare: bare.into_boxed_slice() })),
    })
}

/// The canonical spelling; what is matched, with parameters cut off and slashes left encoded; and everything decoded.
fn decode(path: &str) -> Result<(String, Vec<u8>, Vec<u8>, Spellings), PathError> {
    let mut text = String::with_capacity(path.len());
    let (mut literal, mut decoded) = (Vec::with_capacity(path.len()), Vec::with_capacity(path.len()));
    let mut has = Spellings::default();
    let mut in_parameters = false;
    let mut rest = path;
    while let Some(byte) = rest.bytes().next() {
        let escape = (byte == b'%').then(|| rest.get(1..3).ok_or(PathError::BadEscape)).transpose()?;
        let octet = match escape {
            Some(digits) => unhex(digits).ok_or(PathError::BadEscape)?,
            None => byte,
        };
        match (escape, CLASS.get(usize::from(octet))) {
            (None, Some(Class::Refused(PathError::Semicolon))) => (has.semicolon, in_parameters) = (true, true),
            (None, Some(Class::Refused(why))) | (Some(_), Some(Class::Refused(why @ PathError::Semicolon))) => {
                return Err(*why);
            }
            (Some(_), _) if octet == b'/' => has.encoded_slash = true,
            (Some(_), _) if matches!(octet, b'\\' | b'?' | b'#') => return Err(PathError::Delimiter),
            (Some(_), _) if octet < 0x20 || octet == 0x7f => return Err(PathError::Byte),
            _ => in_parameters &= escape.is_some() || octet != b'/',
        }
        let sent = rest.get(..if escape.is_some() { 3 } else { 1 }).ok_or(PathError::Byte)?;
        let unreserved = octet.is_ascii_alphanumeric() || b"-._~".contains(&octet);
        let spelled = if unreserved { char::from(octet).to_string() } else { sent.to_owned() };
        if !in_parameters {
            literal.extend_from_slice(if octet == b'/' { sent.as_bytes() } else { std::slice::from_ref(&octet) });
        }
        decoded.push(octet);
        text.push_str(&spelled);
        rest = rest.get(sent.len()..).unwrap_or_default();
    }
    if decodes_again(&decoded) { Err(PathError::EncodedTwice) } else { Ok((text, literal, decoded, has)) }
}

/// The other reading; a dot segment in it is refused however it came about.
fn bare(decoded: &[u8], has: &mut Spellings) -> Result<Vec<u8>, PathError> {
    let mut bare = Vec::with_capacity(decoded.len());
    let mut segments = decoded.split(|&byte| byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let name = segment.split(|&byte| byte == b';').next().unwrap_or_default();
        match name {
            b"." | b".." => return Err(PathError::DotSegment),
            // One slash at the end is no empty segment.
            b"" if segments.peek().is_some() || !segment.is_empty() => has.empty_segment = true,
            name => {
                bare.push(b'/');
                bare.extend_from_slice(name);
            }
        }
    }
    Ok(if bare.is_empty() { b"/".to_vec() } else { bare })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Spellings = Spellings { semicolon: true, encoded_slash: true, empty_segment: true };

    fn read(path: &str, takes: Spellings) -> Result<CanonPath, PathError> {
        CanonPath::parse_as(&PathAndQuery::try_from(path).unwrap(), takes)
    }

    #[test] // P03, P05, P06
    fn a_path_is_forwarded_as_it_came_and_both_its_readings_are_known() {
        for (path, text, octets, bare) in [
            ("/a;v=1/b;x?q;", "/a;v=1/b;x", "/a/b", "/a/b"),
            ("/a%2fb/c", "/a%2fb/c", "/a%2fb/c", "/a/b/c"),
            ("/a%2Fb", "/a%2Fb", "/a%2Fb", "/a/b"),
            ("/a//b/", "/a//b/", "/a//b/", "/a/b/"),
            ("//a", "//a", "//a", "/a"),
            ("/%61;%62=%41%2fx/c", "/a;b=A%2fx/c", "/a/c", "/a/x/c"),
            ("/caf%c3%a9//x", "/caf%c3%a9//x", "/café//x", "/café/x"),
        ] {
            let path = read(path, ALL).unwrap();
            assert_eq!((path.as_str(), path.octets()), (text, octets.as_bytes()), "{path}");
            assert_eq!(
                path.other_reading().map(|(_, bare)| bare.octets().to_vec()),
                Some(bare.as_bytes().to_vec()),
                "{path}"
            );
        }
        assert!(read("/a/b", ALL).unwrap().other_reading().is_none());
    }

    #[test] // P01 to P10
    fn what_is_dangerous_stays_refused() {
        for path in [
            "/pub/../app",
            "/pub/..;/app",
            "/pub/.;a=b/app",
            "/pub/..%2fapp",
            "/pub%2f..%2fapp",
            "/pub%2f%2e%2e/app",
            "/pub/..;x=%2f/app",
            "/a;%2f..%2f/b",
            "/a;/../b",
            "/a//../b",
            "/a%5cb;",
            "/a;\\b",
            "/a%3bb;",
            "/a;%00",
            "/a;%0d%0a",
            "/a;%252f",
            "/a%252fb;",
            "/a;%zz",
            "/a;%2",
            "/a;%c0%ae",
            "/a%3f;",
            "/a;%23",
        ] {
            let read = PathAndQuery::try_from(path).ok().map(|target| CanonPath::parse_as(&target, ALL));
            assert!(!matches!(read, Some(Ok(_))), "{path}: {read:?}");
        }
    }

    #[test]
    fn each_spelling_is_let_through_alone() {
        let only = |name: &str| Spellings {
            semicolon: name == "semicolon",
            encoded_slash: name == "encoded_slash",
            empty_segment: name == "empty_segment",
        };
        for (path, name) in [("/a;b/c", "semicolon"), ("/a%2fb", "encoded_slash"), ("/a//b", "empty_segment")] {
            for takes in ["semicolon", "encoded_slash", "empty_segment", ""] {
                assert_eq!(read(path, only(takes)).is_ok(), takes == name, "{path} {takes}");
            }
        }
        for both in ["/a;b//c", "/a%2f/b", "/;/b"] {
            assert!(read(both, only("semicolon")).is_err() && read(both, only("encoded_slash")).is_err(), "{both}");
        }
    }
}
