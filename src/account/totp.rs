//! One-time codes of a device that has the key and a clock (RFC 6238): SHA-1, six digits, thirty seconds, which is what
//! every program for it takes.
use aws_lc_rs::hmac;
use subtle::ConstantTimeEq as _;

use crate::base::{Secret, Timestamp};

/// 160 bits, as RFC 4226 recommends.
pub(super) const KEY_BYTES: usize = 20;

/// The step whose code this is, among those that a clock may be off by, and later than `last`.
pub(super) fn step_of(key: &[u8], code: &Secret, last: i64, now: Timestamp) -> Option<i64> {
    let current = i64::try_from(now.seconds() / SECONDS).ok()?;
    let given: String = code.expose().chars().filter(|c| *c != ' ').collect();
    let mut found = None;
    for step in current.saturating_sub(1)..=current.saturating_add(1) {
        let right: bool = code_at(key, step).as_bytes().ct_eq(given.as_bytes()).into();
        if right && step > last {
            found = Some(step);
        }
    }
    found
}

/// RFC 4226, section 5.3.
pub(super) fn code_at(key: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes.last().copied().unwrap_or_default() & 0xf);
    let four = bytes.get(offset..offset + 4).unwrap_or_default();
    let number = four.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// RFC 4648, section 6, without padding: what people type from a screen.
pub(super) fn base32(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut bits, mut many) = (0_u32, 0);
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        many += 8;
        while many >= 5 {
            many -= 5;
            out.push(letter(bits >> many));
        }
    }
    if many > 0 {
        out.push(letter(bits << (5 - many)));
    }
    out
}

fn letter(bits: u32) -> char {
    let at = usize::try_from(bits & 31).unwrap_or_default();
    char::from(ALPHABET.get(at).copied().unwrap_or_default())
}

/// What a device reads: `otpauth://totp/SITE:NAME?secret=…`.
pub(super) fn uri(key: &[u8], site: &str, name: &str) -> String {
    let (site, name, key) = (escaped(site), escaped(name), base32(key));
    format!("otpauth://totp/{site}:{name}?secret={key}&issuer={site}&algorithm=SHA1&digits=6&period={SECONDS}")
}

fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

const SECONDS: u64 = 30;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // Appendix B, the last six of eight digits.
        let key = b"12345678901234567890";
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert_eq!(code_at(key, seconds / 30), code);
        }
    }

    #[test]
    fn a_clock_may_be_off_by_one_step_and_no_code_is_good_twice() {
        let key = b"12345678901234567890";
        let now = Timestamp::from_seconds(1_234_567_890);
        let step = 1_234_567_890 / 30;
        let code = |step| Secret::new(code_at(key, step));
        for (at, good) in [(step - 2, false), (step - 1, true), (step, true), (step + 1, true), (step + 2, false)] {
            assert_eq!(step_of(key, &code(at), 0, now), good.then_some(at));
        }
        assert_eq!(step_of(key, &code(step), step, now), None);
        assert_eq!(step_of(key, &code(step + 1), step, now), Some(step + 1));
        for wrong in ["", "0", "0059240", "00592a"] {
            assert_eq!(step_of(key, &Secret::new(wrong.to_owned()), 0, now), None);
        }
        assert_eq!(step_of(key, &Secret::new("005 924".to_owned()), 0, now), Some(step));
    }

    #[test]
    fn base32_is_that_of_rfc_4648() {
        for (bytes, text) in
            [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("foobar", "MZXW6YTBOI")]
        {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
        let uri = uri(b"12345678901234567890", "app.example.com", "ann b@example.com");
        assert!(uri.starts_with("otpauth://totp/app.example.com:ann%20b%40example.com?secret=GEZDGNBV"), "{uri}");
    }
}
