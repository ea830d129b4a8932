//! Bytes from outside into a line of ours: whatever they are, the line stays one line and stays readable.

/// Appends a JSON string, quotes included. Bytes that are not UTF-8 appear as the text `\xNN`.
pub(super) fn push_json(out: &mut Vec<u8>, value: &[u8]) {
    out.push(b'"');
    if value.iter().all(|&byte| is_plain(byte)) {
        out.extend_from_slice(value);
    } else {
        for chunk in value.utf8_chunks() {
            chunk.valid().chars().for_each(|letter| push_json_letter(out, letter));
            for byte in chunk.invalid() {
                out.extend_from_slice(b"\\\\x");
                push_hex(out, u32::from(*byte), 2);
            }
        }
    }
    out.push(b'"');
}

/// Appends text for a terminal: nothing in it moves the cursor, changes a colour or begins a line.
pub(super) fn push_text(out: &mut Vec<u8>, value: &[u8]) {
    if value.iter().all(|&byte| is_plain(byte)) {
        out.extend_from_slice(value);
        return;
    }
    for chunk in value.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\\' => out.extend_from_slice(b"\\\\"),
                letter if is_hostile(letter) => {
                    out.extend_from_slice(b"\\u{");
                    push_hex(out, u32::from(letter), 2);
                    out.push(b'}');
                }
                letter => push_letter(out, letter),
            }
        }
        for byte in chunk.invalid() {
            out.extend_from_slice(b"\\x");
            push_hex(out, u32::from(*byte), 2);
        }
    }
}

/// The first `most` bytes, cut between two letters where it is text.
pub(super) fn capped(value: &[u8], most: usize) -> &[u8] {
    let Some(mut cut) = value.get(..most) else { return value };
    if value.get(most).is_some_and(|&byte| is_continuation(byte)) {
        while let Some((&last, rest)) = cut.split_last() {
            cut = rest;
            if !is_continuation(last) {
                break;
            }
        }
    }
    cut
}

const fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

fn push_json_letter(out: &mut Vec<u8>, letter: char) {
    match letter {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        // All of these lie in the basic plane, so four digits are enough.
        letter if is_hostile(letter) => {
            out.extend_from_slice(b"\\u");
            push_hex(out, u32::from(letter), 4);
        }
        letter => push_letter(out, letter),
    }
}

/// Control characters, line separators, and what turns the direction of a text around (U+202E shows `gpj.exe` as `exe.jpg`).
fn is_hostile(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

fn push_letter(out: &mut Vec<u8>, letter: char) {
    out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Lower-case digits, at least `width` of them.
fn push_hex(out: &mut Vec<u8>, value: u32, width: u32) {
    let digits = width.max((32 - value.leading_zeros()).div_ceil(4));
    for place in (0..digits).rev() {
        let digit = (value >> (4 * place)) & 0xF;
        out.extend(char::from_digit(digit, 16).and_then(|digit| u8::try_from(digit).ok()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json(value: &[u8]) -> String {
        let mut out = Vec::new();
        push_json(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    fn text(value: &[u8]) -> String {
        let mut out = Vec::new();
        push_text(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_would_break_a_line_is_escaped() {
        for (value, in_json, in_text) in [
            (&b"plain /path"[..], r#""plain /path""#, "plain /path"),
            (b"a\r\nb\tc", r#""a\r\nb\tc""#, r"a\u{0d}\u{0a}b\u{09}c"),
            (b"\x1b[2J", r#""\u001b[2J""#, r"\u{1b}[2J"),
            (b"\"}\\", r#""\"}\\""#, r#""}\\"#),
            (b"\0\x7f", r#""\u0000\u007f""#, r"\u{00}\u{7f}"),
            ("Zoë".as_bytes(), "\"Zoë\"", "Zoë"),
            ("\u{9b}2J\u{202e}x\u{2028}".as_bytes(), r#""\u009b2J\u202ex\u2028""#, r"\u{9b}2J\u{202e}x\u{2028}"),
            (b"\xff\xc3", r#""\\xff\\xc3""#, r"\xff\xc3"),
        ] {
            assert_eq!(json(value), in_json);
            assert_eq!(text(value), in_text);
        }
    }

    #[test]
    fn a_long_value_is_cut_between_letters() {
        assert_eq!(capped(b"abc", 3), b"abc");
        assert_eq!(capped(b"abcd", 3), b"abc");
        assert_eq!(capped("aë".as_bytes(), 2), b"a");
        assert_eq!(capped("ëë".as_bytes(), 2), "ë".as_bytes());
    }

    proptest! {
        #[test]
        fn any_bytes_make_one_json_string(value: Vec<u8>) {
            let written = json(&value);
            prop_assert!(!written.chars().any(char::is_control));
            let read: String = serde_json::from_str(&written).unwrap();
            if let Ok(value) = std::str::from_utf8(&value) {
                prop_assert_eq!(read, value);
            }
        }

        #[test]
        fn any_bytes_make_one_quiet_text(value: Vec<u8>) {
            prop_assert!(!text(&value).chars().any(is_hostile));
        }
    }
}
