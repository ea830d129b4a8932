//! Where one WebSocket frame ends and the next begins (RFC 6455, section 5.2), so that a frame of our own can be put
//! between two of theirs. Only heads are read; what a frame holds is nobody's business here.

/// Follows the bytes of one direction.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: [u8; MOST_HEAD],
    /// So many bytes of a head are known.
    have: usize,
    /// So many bytes of the frame are still to come.
    left: u64,
    closed: bool,
}

impl Frames {
    pub(super) fn note(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.left > 0 {
                let skip = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left -= skip as u64;
                bytes = bytes.get(skip..).unwrap_or_default();
                continue;
            }
            let Some((&byte, rest)) = bytes.split_first() else { return };
            bytes = rest;
            self.note_head(byte);
        }
    }

    fn note_head(&mut self, byte: u8) {
        if let Some(place) = self.head.get_mut(self.have) {
            *place = byte;
        }
        self.have += 1;
        let [first, second, extended @ ..] = &self.head;
        let (long, short) = (self.have, second & 0x7f);
        if long < 2 {
            return;
        }
        let more: usize = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        if long < 2 + more + mask {
            return;
        }
        let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |sum, &byte| (sum << 8) | u64::from(byte));
        self.left = if more == 0 { u64::from(short) } else { number(extended.get(..more).unwrap_or_default()) };
        self.closed |= first & 0x0f == CLOSE;
        self.have = 0;
    }

    /// Whether a frame of our own may follow now.
    pub(super) const fn is_between(&self) -> bool {
        self.have == 0 && self.left == 0 && !self.closed
    }
}

/// A close frame with a status code and a few words; `mask` as clients must.
pub(super) fn close_frame(code: u16, words: &str, mask: Option<[u8; 4]>) -> Vec<u8> {
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend(words.bytes().take(MOST_WORDS));
    let length = u8::try_from(payload.len()).unwrap_or_default();
    let mut frame = vec![0x80 | CLOSE, length | if mask.is_some() { 0x80 } else { 0 }];
    if let Some(mask) = mask {
        frame.extend(mask);
        payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    }
    frame.extend(payload);
    frame
}

/// Two bytes, eight of length, four of mask.
const MOST_HEAD: usize = 14;
const CLOSE: u8 = 8;
/// A control frame holds 125 bytes, two of them the code.
const MOST_WORDS: usize = 123;

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, length: usize, masked: bool) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut bytes = vec![first];
        match length {
            0..126 => bytes.push(mask | u8::try_from(length).unwrap()),
            126..65_536 => {
                bytes.push(mask | 126);
                bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                bytes.push(mask | 127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend(vec![0; length + if masked { 4 } else { 0 }]);
        bytes
    }

    #[test]
    fn the_end_of_each_frame_is_known_however_its_bytes_arrive() {
        for masked in [false, true] {
            for length in [0, 1, 125, 126, 300, 65_535, 65_536, 70_000] {
                for pieces in [1, 2, 3, 7, 1000] {
                    let mut frames = Frames::default();
                    let bytes = [frame(0x82, length, masked), frame(0x01, length, masked)].concat();
                    let mut between = 0;
                    for piece in bytes.chunks(pieces) {
                        frames.note(piece);
                        between += usize::from(frames.is_between());
                    }
                    assert!(frames.is_between() && between <= 2 + 2, "{length} in pieces of {pieces}");
                    frames.note(&[0x82]);
                    assert!(!frames.is_between());
                }
            }
        }
    }

    #[test]
    fn nothing_follows_a_close_frame() {
        let mut frames = Frames::default();
        frames.note(&close_frame(1000, "", None));
        assert!(!frames.is_between());
    }

    #[test]
    fn a_close_frame_is_as_the_standard_wants_it() {
        assert_eq!(close_frame(1008, "ab", None), [0x88, 4, 0x03, 0xf0, b'a', b'b']);
        assert_eq!(close_frame(1001, "", Some([1, 2, 3, 4])), [0x88, 0x82, 1, 2, 3, 4, 0x03 ^ 1, 0xe9 ^ 2]);
    }
}
