//! "15m", "64KiB", "20/m": a number and its unit.
use std::time::Duration;

use crate::limit::Rate;

/// Why a text is no quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// Digits and nothing else.
    NoUnit,
    /// A number, then something that is no unit.
    UnknownUnit,
    /// No whole number at the beginning, or one beyond all bounds.
    NoNumber,
}

/// "900ms", "30s", "15m", "12h", "30d"
pub(super) fn duration(text: &str) -> Result<Duration, Unreadable> {
    let (number, unit) = split(text)?;
    let scale = DURATIONS.iter().find(|(name, _)| *name == unit).ok_or(Unreadable::UnknownUnit)?.1;
    number.checked_mul(scale).map(Duration::from_millis).ok_or(Unreadable::NoNumber)
}

/// "512B", "64KiB", "10MiB", "2GiB"; in bytes.
pub(super) fn size(text: &str) -> Result<u64, Unreadable> {
    let (number, unit) = split(text)?;
    let scale = SIZES.iter().find(|(name, _)| *name == unit).ok_or(Unreadable::UnknownUnit)?.1;
    number.checked_mul(scale).ok_or(Unreadable::NoNumber)
}

/// "100/s", "20/m", "10/h", "50/d"
pub(super) fn rate(text: &str) -> Result<Rate, Unreadable> {
    let (number, unit) = split(text)?;
    let scale = RATES.iter().find(|(name, _)| *name == unit).ok_or(Unreadable::UnknownUnit)?.1;
    let count = u32::try_from(number).map_err(|_| Unreadable::NoNumber)?;
    Ok(Rate { count, per: Duration::from_secs(scale) })
}

/// The shortest way to write so many bytes without a fraction.
pub(super) fn write_size(bytes: u64) -> String {
    let fits = SIZES.iter().rev().find(|(_, scale)| bytes >= *scale && bytes.is_multiple_of(*scale));
    fits.map_or_else(|| format!("{bytes}B"), |(unit, scale)| format!("{}{unit}", bytes / scale))
}

/// The shortest way to write a duration without a fraction.
pub(super) fn write_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    let fits = DURATIONS
        .iter()
        .rev()
        .find(|(_, scale)| millis >= u128::from(*scale) && millis.is_multiple_of(u128::from(*scale)));
    fits.map_or_else(|| "0s".to_owned(), |(unit, scale)| format!("{}{unit}", millis / u128::from(*scale)))
}

/// The unit that was meant by one that is none: "MB", "sec", "K".
pub(super) fn meant(unit: &str) -> Option<&'static str> {
    let unit = unit.trim().to_ascii_lowercase();
    MEANT.iter().find(|(spellings, _)| spellings.contains(&unit.as_str())).map(|(_, right)| *right)
}

/// Digits, then the rest.
pub(super) fn split(text: &str) -> Result<(u64, &str), Unreadable> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(end).ok_or(Unreadable::NoNumber)?;
    let number = digits.parse().map_err(|_| Unreadable::NoNumber)?;
    if unit.is_empty() { Err(Unreadable::NoUnit) } else { Ok((number, unit)) }
}

/// In milliseconds.
const DURATIONS: &[(&str, u64)] = &[("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
/// In bytes.
const SIZES: &[(&str, u64)] = &[("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
/// In seconds.
const RATES: &[(&str, u64)] = &[("/s", 1), ("/m", 60), ("/h", 3600), ("/d", 86_400)];
const MEANT: &[(&[&str], &str)] = &[
    (&["ms", "msec", "millis", "milliseconds"], "ms"),
    (&["s", "sec", "secs", "second", "seconds"], "s"),
    (&["m", "min", "mins", "minute", "minutes"], "m"),
    (&["h", "hr", "hrs", "hour", "hours"], "h"),
    (&["d", "day", "days"], "d"),
    (&["b", "byte", "bytes"], "B"),
    (&["k", "kb", "kib"], "KiB"),
    (&["mb", "mib"], "MiB"),
    (&["g", "gb", "gib"], "GiB"),
    (&["/s", "/sec", "/second", " per second"], "/s"),
    (&["/m", "/min", "/minute", " per minute"], "/m"),
    (&["/h", "/hr", "/hour", " per hour"], "/h"),
    (&["/d", "/day", " per day"], "/d"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_with_their_unit() {
        for (text, millis) in [("900ms", 900), ("30s", 30_000), ("15m", 900_000), ("12h", 43_200_000), ("0s", 0)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(duration("30d"), Ok(Duration::from_secs(2_592_000)));
        assert_eq!(size("64KiB"), Ok(65_536));
        assert_eq!(size("10MiB"), Ok(10_485_760));
        assert_eq!(rate("20/m"), Ok(Rate { count: 20, per: Duration::from_secs(60) }));
        assert_eq!(rate("10/h"), Ok(Rate { count: 10, per: Duration::from_secs(3600) }));
    }

    #[test]
    fn what_has_no_unit_or_no_number_is_told_apart() {
        assert_eq!(duration("900"), Err(Unreadable::NoUnit));
        for text in ["", "s", "-1s", " 1s", "1.5h", "99999999999999999999s", "18446744073709551615d"] {
            assert!(matches!(duration(text), Err(Unreadable::NoNumber | Unreadable::UnknownUnit)), "{text}");
        }
        assert_eq!(size("10MB"), Err(Unreadable::UnknownUnit));
        assert_eq!(size("10mib"), Err(Unreadable::UnknownUnit));
        assert_eq!(rate("20m"), Err(Unreadable::UnknownUnit));
        assert_eq!(rate("4294967296/s"), Err(Unreadable::NoNumber));
        assert_eq!(meant("MB"), Some("MiB"));
        assert_eq!(meant("parsec"), None);
    }

    #[test]
    fn what_is_written_is_read_again() {
        for bytes in [0, 1, 1023, 1024, 65_536, 10_485_760, 3 << 30] {
            assert_eq!(size(&write_size(bytes)), Ok(bytes));
        }
        for millis in [0, 1, 900, 1000, 60_000, 90_000, 86_400_000] {
            let duration_of = Duration::from_millis(millis);
            assert_eq!(duration(&write_duration(duration_of)), Ok(duration_of));
        }
    }
}
