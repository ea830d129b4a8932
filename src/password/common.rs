//! The most used passwords, as scripts/common-passwords.py wrote them: the first 36 bits of the SHA-256 of each, sorted, as
//! differences in Rice's code. A quarter of a megabyte, and no password stands in the program.
use aws_lc_rs::digest::{SHA256, digest};

/// Whether a folded password is on the list. One that is not is taken for one that is once in 680,000 times.
pub(super) fn is_common(folded: &str) -> bool {
    let hash = digest(&SHA256, folded.as_bytes());
    let sought = hash.as_ref().iter().take(5).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte)) >> 4;
    let mut bits = Bits { bytes: LIST, at: 0 };
    let mut number = 0;
    while let Some(step) = bits.step() {
        number += step;
        if number >= sought {
            return number == sought;
        }
    }
    false
}

struct Bits {
    bytes: &'static [u8],
    at: usize,
}

impl Bits {
    /// As many ones as the upper part counts, a nought, and the lower part. The end is filled with ones.
    fn step(&mut self) -> Option<u64> {
        let rest = self.bytes.get(self.at / 8..)?;
        let mut word = [0xff; 8];
        word.iter_mut().zip(rest).for_each(|(to, byte)| *to = *byte);
        let bits = u64::from_be_bytes(word) << (self.at % 8);
        let upper = bits.leading_ones();
        let length = usize::try_from(upper + 1 + RICE).ok()?;
        if self.at + length > self.bytes.len() * 8 {
            return None;
        }
        self.at += length;
        let lower = bits.checked_shl(upper + 1)? >> (u64::BITS - RICE);
        Some(u64::from(upper) << RICE | lower)
    }
}

const RICE: u32 = 19;
static LIST: &[u8] = include_bytes!("common.bin");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_holds_as_many_as_it_says() {
        let mut bits = Bits { bytes: LIST, at: 0 };
        assert_eq!(std::iter::from_fn(|| bits.step()).count(), 100_000);
        assert!(is_common("123456") && is_common("dragon"));
        assert!((0..50).all(|number| !is_common(&format!("nobody ever took this {number}"))));
    }
}
