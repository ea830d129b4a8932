//! What a field says, read in one way on every side.
use http::HeaderName;
use http::header;

/// The name of a field. Nearly every message has some of these, in one of two spellings, and they need no second look.
pub(crate) fn name(bytes: &[u8]) -> Option<HeaderName> {
    Some(match bytes {
        b"Host" | b"host" => header::HOST,
        b"Date" | b"date" => header::DATE,
        b"Accept" | b"accept" => header::ACCEPT,
        b"Cookie" | b"cookie" => header::COOKIE,
        b"Server" | b"server" => header::SERVER,
        b"Connection" | b"connection" => header::CONNECTION,
        b"User-Agent" | b"user-agent" => header::USER_AGENT,
        b"Content-Type" | b"content-type" => header::CONTENT_TYPE,
        b"Authorization" | b"authorization" => header::AUTHORIZATION,
        b"Cache-Control" | b"cache-control" => header::CACHE_CONTROL,
        b"Content-Length" | b"content-length" => header::CONTENT_LENGTH,
        b"Accept-Encoding" | b"accept-encoding" => header::ACCEPT_ENCODING,
        _ => return HeaderName::from_bytes(bytes).ok(),
    })
}

/// A length: digits and nothing else (RFC 9112, section 6.2), and not so many that they could overflow.
pub(crate) fn length(digits: &[u8]) -> Option<u64> {
    let well_formed = (1..=18).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    well_formed.then(|| digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_length_is_digits_and_never_too_many() {
        for (digits, is) in [("0", Some(0)), ("007", Some(7)), ("999999999999999999", Some(999_999_999_999_999_999))] {
            assert_eq!(length(digits.as_bytes()), is);
        }
        for digits in ["", "+1", "-1", " 1", "1 ", "0x1", "1,1", "1.0", "1000000000000000000", "\u{661}"] {
            assert_eq!(length(digits.as_bytes()), None, "{digits:?}");
        }
    }

    const USUAL: [&str; 12] = [
        "Host",
        "Date",
        "Accept",
        "Cookie",
        "Server",
        "Connection",
        "User-Agent",
        "Content-Type",
        "Authorization",
        "Cache-Control",
        "Content-Length",
        "Accept-Encoding",
    ];

    proptest! {
        #[test]
        fn a_name_is_what_it_is_however_it_is_written(at in 0..USUAL.len(), upper in any::<u32>(), more in "[a-z]?") {
            let letter = |(at, letter): (usize, char)| match upper >> at & 1 {
                0 => letter.to_ascii_lowercase(),
                _ => letter.to_ascii_uppercase(),
            };
            let written: String = USUAL[at].chars().enumerate().map(letter).chain(more.chars()).collect();
            prop_assert_eq!(name(written.as_bytes()), HeaderName::from_bytes(written.as_bytes()).ok());
            prop_assert_eq!(name(USUAL[at].as_bytes()), HeaderName::from_bytes(USUAL[at].as_bytes()).ok());
        }

        #[test]
        fn any_bytes_are_the_same_name_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            prop_assert_eq!(name(&bytes), HeaderName::from_bytes(&bytes).ok());
        }
    }
}
