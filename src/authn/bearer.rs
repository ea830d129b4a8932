//! The bearer token in `Authorization` (RFC 6750, section 2.1).
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// There is a bearer credential, but not one that can be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// The token, `None` when there is no bearer credential at all (another scheme counts as none).
///
/// The scheme is compared without case (RFC 9110, section 11.1); exactly one space follows it. Two `Authorization`
/// lines are refused before this is asked; should one slip through, it is unreadable here.
pub(crate) fn token_in(headers: &HeaderMap) -> Result<Option<&[u8]>, Unreadable> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(Unreadable);
    }
    let (scheme, token) = match line.as_bytes().split_at_checked(SCHEME.len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(SCHEME) => (scheme, token),
        _ => return Ok(None),
    };
    debug_assert!(scheme.len() == SCHEME.len());
    match token.split_first() {
        // What is no token68 (RFC 9110, section 11.2) is no token of ours either: verification refuses it.
        Some((b' ', token)) if !token.is_empty() && !token.starts_with(b" ") => Ok(Some(token)),
        Some((b' ', _)) | None => Err(Unreadable),
        // "BearerX": some other scheme.
        Some(_) => Ok(None),
    }
}

const SCHEME: &[u8] = b"Bearer";

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(lines: &[&str]) -> Result<Option<Vec<u8>>, Unreadable> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.try_append(AUTHORIZATION, HeaderValue::from_str(line).unwrap()).unwrap();
        }
        token_in(&headers).map(|token| token.map(<[u8]>::to_vec))
    }

    #[test]
    fn the_scheme_is_read_in_any_case_with_one_space() {
        assert_eq!(read(&["Bearer a.b.c"]), Ok(Some(b"a.b.c".to_vec())));
        assert_eq!(read(&["bEARER a.b.c"]), Ok(Some(b"a.b.c".to_vec())));
    }

    #[test]
    fn another_scheme_is_no_credential() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["Basic YTpi"]), Ok(None));
        assert_eq!(read(&["BearerX"]), Ok(None));
    }

    #[test]
    fn a_malformed_or_double_one_is_not_the_same_as_none() {
        for lines in [&["Bearer"][..], &["Bearer "], &["Bearer  a.b.c"], &["Bearer a", "Bearer b"]] {
            assert_eq!(read(lines), Err(Unreadable), "{lines:?}");
        }
    }
}
