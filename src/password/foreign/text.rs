//! The ways in which hashes are written as text.
use base64::Engine;
use base64::alphabet::{BCRYPT, STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const LOOSE: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true)
    .with_encode_padding(false);
const OPENBSD: GeneralPurpose = GeneralPurpose::new(&BCRYPT, LOOSE);
const PLAIN: GeneralPurpose = GeneralPurpose::new(&STANDARD, LOOSE);
const WEB: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LOOSE);

/// Base64 as bcrypt orders its letters.
pub(super) fn bcrypt64(text: &str) -> Option<Vec<u8>> {
    OPENBSD.decode(text).ok()
}

/// Base64, with or without padding; in the alphabet for URLs too, and with passlib's `.` for `+`.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    if text.contains(['-', '_']) { WEB.decode(text).ok() } else { PLAIN.decode(text.replace('.', "+")).ok() }
}

pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| {
        let digit = |letter: u8| char::from(letter).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        Some(digit(pair[0])? << 4 | digit(pair[1])?)
    };
    if odd.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

pub(super) fn write_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The letters of crypt(3).
pub(super) const ITOA64: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The value of a letter of crypt(3).
pub(super) fn value64(letter: u8) -> Option<u32> {
    ITOA64.iter().position(|known| *known == letter).and_then(|at| u32::try_from(at).ok())
}

/// A number in letters of crypt(3), lowest first.
pub(super) fn number64(letters: &[u8]) -> Option<u32> {
    letters
        .iter()
        .rev()
        .try_fold(0_u32, |sum, letter| sum.checked_mul(64).and_then(|sum| sum.checked_add(value64(*letter)?)))
}

/// Appends the lowest `letters` groups of six bits, lowest first.
pub(super) fn push64(text: &mut Vec<u8>, mut bits: u32, letters: usize) {
    for _ in 0..letters {
        text.extend(usize::try_from(bits & 63).ok().and_then(|at| ITOA64.get(at)));
        bits >>= 6;
    }
}

/// Bytes in letters of crypt(3), in groups of three, lowest first.
pub(super) fn crypt64(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().rev().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        push64(&mut text, bits, group.len() + 1);
    }
    text
}

/// The other way.
pub(super) fn uncrypt64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for group in text.as_bytes().chunks(4) {
        let bits = number64(group)?;
        let whole = group.len() * 6 / 8;
        bytes.extend(bits.to_le_bytes().iter().take(whole));
    }
    Some(bytes)
}

/// A number without sign or blanks.
pub(super) fn number(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}
