//! The accent colour, made to be read: what stands on it and what is written in it keeps a contrast of 4.5 (WCAG 2.2, 1.4.3).

/// A colour of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Colour([u8; 3]);

impl Colour {
    pub(super) const WHITE: Self = Self([255; 3]);
    pub(crate) const BLACK: Self = Self([0; 3]);

    pub(super) const fn of(parts: [u8; 3]) -> Self {
        Self(parts)
    }

    /// "#3b5bdb" or "#35d"
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?.as_bytes();
        let digit = |at: usize| {
            digits.get(at).and_then(|&byte| char::from(byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok())
        };
        let parts = match digits.len() {
            3 => [0, 1, 2].map(|at| digit(at).map(|one| one * 17)),
            6 => [0, 2, 4].map(|at| Some(digit(at)? * 16 + digit(at + 1)?)),
            _ => return None,
        };
        let [Some(red), Some(green), Some(blue)] = parts else { return None };
        Some(Self([red, green, blue]))
    }

    /// As CSS writes it.
    pub(super) fn css(self) -> String {
        let [red, green, blue] = self.0;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }

    /// What is read best on this colour.
    pub(super) fn ink(self) -> Self {
        if self.contrast(Self::WHITE) >= self.contrast(Self::BLACK) { Self::WHITE } else { Self::BLACK }
    }

    /// This colour, moved towards `to` until it can be read on `ground`.
    pub(super) fn readable_on(self, ground: Self, to: Self) -> Self {
        self.apart_from(ground, to, FOR_TEXT)
    }

    /// This colour, moved towards `to` until something of it is seen on `ground`.
    pub(super) fn seen_on(self, ground: Self, to: Self) -> Self {
        self.apart_from(ground, to, FOR_SHAPES)
    }

    fn apart_from(self, ground: Self, to: Self, contrast: f32) -> Self {
        let mut steps = (0..=20_u8).map(|step| self.mixed(to, step));
        steps.find(|colour| colour.contrast(ground) >= contrast).unwrap_or(to)
    }

    /// `step` twentieths of `other`.
    fn mixed(self, other: Self, step: u8) -> Self {
        let mut mixed = [0; 3];
        for ((mixed, own), other) in mixed.iter_mut().zip(self.0).zip(other.0) {
            let sum = u16::from(own) * u16::from(20 - step.min(20)) + u16::from(other) * u16::from(step.min(20));
            *mixed = u8::try_from(sum / 20).unwrap_or(u8::MAX);
        }
        Self(mixed)
    }

    fn contrast(self, other: Self) -> f32 {
        let (own, other) = (self.luminance(), other.luminance());
        (own.max(other) + 0.05) / (own.min(other) + 0.05)
    }

    fn luminance(self) -> f32 {
        let [red, green, blue] = self.0.map(|part| {
            let part = f32::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

/// A little more than 4.5, because colours are rounded.
const FOR_TEXT: f32 = 4.6;
/// WCAG 2.2, 1.4.11.
const FOR_SHAPES: f32 = 3.05;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_as_css_writes_them() {
        assert_eq!(Colour::parse("#3b5bdb").unwrap().css(), "#3b5bdb");
        assert_eq!(Colour::parse("#3Bd").unwrap().css(), "#33bbdd");
        for wrong in ["", "#", "3b5bdb", "#3b5bd", "#3b5bdg", "red", "#3b5bdb;", "#ééé"] {
            assert_eq!(Colour::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn whatever_the_accent_is_it_can_be_read() {
        for accent in ["#ffff00", "#3b5bdb", "#000000", "#ffffff", "#777777", "#ff0000", "#00ff7f"] {
            let accent = Colour::parse(accent).unwrap();
            assert!(accent.ink().contrast(accent) >= 4.5, "{accent:?}");
            for (ground, to) in [(Colour::WHITE, Colour::BLACK), (Colour::parse("#1b1e26").unwrap(), Colour::WHITE)] {
                assert!(accent.readable_on(ground, to).contrast(ground) >= 4.5, "{accent:?}");
            }
        }
    }
}
