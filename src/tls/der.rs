//! The one thing of a certificate that the TLS library does not tell: when it begins and ends (RFC 5280, section 4.1.2.5).
use std::ops::RangeInclusive;

use jiff::tz::TimeZone;

use crate::base::Timestamp;

/// `notAfter` of a certificate in DER form. `None` for anything that is not one.
pub(super) fn not_after(certificate: &[u8]) -> Option<Timestamp> {
    let (_, until) = validity(certificate)?;
    time(until)
}

/// From `notBefore` to `notAfter`.
pub(super) fn lifetime(certificate: &[u8]) -> Option<RangeInclusive<Timestamp>> {
    let (from, until) = validity(certificate)?;
    Some(time(from)?..=time(until)?)
}

/// A time as it is encoded: its tag and its text.
type Encoded<'a> = (u8, &'a [u8]);

fn validity(certificate: &[u8]) -> Option<(Encoded<'_>, Encoded<'_>)> {
    let (_, certificate, _) = element(certificate)?;
    let (_, signed, _) = element(certificate)?;
    let (tag, _, after_first) = element(signed)?;
    // The version is left out of a certificate of version 1.
    let rest = if tag == VERSION { after_first } else { signed };
    let (_, _, rest) = element(rest)?; // serial number
    let (_, _, rest) = element(rest)?; // signature algorithm
    let (_, _, rest) = element(rest)?; // issuer
    let (_, validity, _) = element(rest)?;
    let (from_tag, from, rest) = element(validity)?;
    let (until_tag, until, _) = element(rest)?;
    Some(((from_tag, from), (until_tag, until)))
}

fn time((tag, time): Encoded<'_>) -> Option<Timestamp> {
    match tag {
        UTC_TIME => {
            let year = number(time.get(..2)?)?;
            moment(year + if year < 50 { 2000 } else { 1900 }, time.get(2..)?)
        }
        GENERALIZED_TIME => moment(number(time.get(..4)?)?, time.get(4..)?),
        _ => None,
    }
}

/// Tag, contents, and what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) =
            rest.split_at_checked(usize::from(first & 0x7f)).filter(|(digits, _)| digits.len() <= 4)?;
        (digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit)), rest)
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((tag, contents, rest))
}

/// "MMDDHHMMSSZ"
fn moment(year: i16, rest: &[u8]) -> Option<Timestamp> {
    let part = |at: usize| number(rest.get(at..at + 2)?).and_then(|part| i8::try_from(part).ok());
    let day = jiff::civil::Date::new(year, part(0)?, part(2)?).ok()?;
    let time = jiff::civil::Time::new(part(4)?, part(6)?, part(8)?, 0).ok()?;
    let moment = day.to_datetime(time).to_zoned(TimeZone::UTC).ok()?.timestamp();
    u64::try_from(moment.as_second()).ok().map(Timestamp::from_seconds)
}

fn number(digits: &[u8]) -> Option<i16> {
    std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))?.parse().ok()
}

const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_has_no_end() {
        for bytes in [&b""[..], b"\x30", b"\x30\x84\xff\xff\xff\xff", b"\x30\x03\x30\x01\x00", &[0x30; 64]] {
            assert_eq!((not_after(bytes), lifetime(bytes)), (None, None), "{bytes:?}");
        }
    }

    #[test]
    fn times_are_read_in_both_forms_years() {
        assert_eq!(moment(2021, b"0101000000Z"), Some(Timestamp::from_seconds(1_609_459_200)));
        assert_eq!(moment(2021, b"1301000000Z"), None);
        assert_eq!(moment(2021, b"0101"), None);
    }
}
