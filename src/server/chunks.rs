//! Where a chunked body ends (RFC 9112, section 7.1), for somebody who only passes it.

/// As strict as hyper, which reads the same bytes and refuses what is wrong with them.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    place: Place,
    size: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// The first digit of a size.
    #[default]
    Start,
    Size,
    /// Blanks or an extension.
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// A trailer field or the last line, at its first byte.
    Last,
    Trailer,
    TrailerLf,
    LastLf,
    Ended,
}

impl Chunks {
    pub(super) fn ended(&self) -> bool {
        self.place == Place::Ended
    }

    /// Takes bytes up to the end of the body; says how many. `None`: these are no chunks.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while self.place != Place::Ended {
            let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) else { break };
            if self.place == Place::Data {
                let skipped = usize::try_from(self.size).unwrap_or(usize::MAX).min(rest.len());
                self.size -= skipped as u64;
                at += skipped;
                if self.size == 0 {
                    self.place = Place::DataCr;
                }
                continue;
            }
            let byte = *rest.first()?;
            self.place = self.step(byte)?;
            at += 1;
        }
        Some(at)
    }

    fn step(&mut self, byte: u8) -> Option<Place> {
        Some(match (self.place, byte) {
            (Place::Start | Place::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(byte).to_digit(16)?;
                self.size = self.size.checked_mul(16)?.checked_add(digit.into())?;
                Place::Size
            }
            (Place::Size | Place::Extension, b'\r') => Place::SizeLf,
            (Place::Size, b' ' | b'\t' | b';') => Place::Extension,
            (Place::Extension, other) if other != b'\n' => Place::Extension,
            (Place::SizeLf, b'\n') if self.size == 0 => Place::Last,
            (Place::SizeLf, b'\n') => Place::Data,
            (Place::DataCr, b'\r') => Place::DataLf,
            (Place::DataLf, b'\n') => Place::Start,
            (Place::Last, b'\r') => Place::LastLf,
            (Place::LastLf, b'\n') => Place::Ended,
            (Place::Trailer, b'\r') => Place::TrailerLf,
            (Place::Last | Place::Trailer, _) => Place::Trailer,
            (Place::TrailerLf, b'\n') => Place::Last,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(bytes: &[u8]) -> Option<(usize, bool)> {
        let mut chunks = Chunks::default();
        chunks.follow(bytes).map(|taken| (taken, chunks.ended()))
    }

    #[test]
    fn a_body_ends_where_it_says() {
        for body in [
            "0\r\n\r\n",
            "3\r\nabc\r\n0\r\n\r\n",
            "0000000000000000000003;a=b\r\nabc\r\n00\r\n\r\n",
            "A \r\n0123456789\r\n0;x\r\nT: 1\r\nU: 2\r\n\r\n",
        ] {
            let all = format!("{body}GET / HTTP/1.1\r\n");
            assert_eq!(taken(all.as_bytes()), Some((body.len(), true)), "{body:?}");
            for half in 0..body.len() {
                assert_eq!(taken(&body.as_bytes()[..half]), Some((half, false)), "{body:?} to {half}");
            }
        }
    }

    #[test]
    fn what_are_no_chunks_are_not_followed() {
        for body in [
            " 3\r\n",
            "0x3\r\n",
            "\r\n",
            "3\n",
            "3;a\n",
            "3\rabc",
            "3\r\nabcd\r\n",
            "3\r\nabc\n",
            "0\r\n\rx",
            "0\r\nT: 1\rx",
            "11111111111111111\r\n",
            "-3\r\n",
            "3 g\u{0}\n",
        ] {
            assert_eq!(taken(body.as_bytes()), None, "{body:?}");
        }
    }
}
