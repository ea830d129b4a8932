//! Which language a reader gets.

/// A language that all pages are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Language {
    English,
    German,
    French,
    Spanish,
    Arabic,
}

impl Language {
    pub(crate) const ALL: [Self; 5] = [Self::English, Self::German, Self::French, Self::Spanish, Self::Arabic];

    /// As `lang` has it (RFC 5646).
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
            Self::Spanish => "es",
            Self::Arabic => "ar",
        }
    }

    pub(crate) fn parse(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(tag))
    }

    pub(super) const fn direction(self) -> &'static str {
        match self {
            Self::Arabic => "rtl",
            Self::English | Self::German | Self::French | Self::Spanish => "ltr",
        }
    }

    /// Which form of a noun stands beside a whole number, of those that our texts need (the categories of Unicode CLDR).
    pub(super) const fn plural(self, count: u64) -> &'static str {
        match (self, count) {
            (_, 1) => "one",
            (Self::Arabic, 2) => "two",
            (Self::Arabic, 3..=10) => "few",
            _ => "other",
        }
    }
}

/// The offered language that the reader likes best (RFC 9110, section 12.5.4); the first one offered when none is liked.
/// A region is not asked for: who reads "de-AT" reads "de".
pub(crate) fn pick(accept_language: Option<&str>, offered: &[Language]) -> Language {
    let first = offered.first().copied().unwrap_or(Language::English);
    let mut best: Option<(f32, Language)> = None;
    for wish in accept_language.unwrap_or_default().split(',').take(MOST_WISHES) {
        let Some((language, weight)) = read(wish, first) else { continue };
        let better = best.is_none_or(|(other, _)| weight > other);
        if better && weight > 0.0 && offered.contains(&language) {
            best = Some((weight, language));
        }
    }
    best.map_or(first, |(_, language)| language)
}

/// "de-AT;q=0.8"
fn read(wish: &str, any: Language) -> Option<(Language, f32)> {
    let (range, weight) = wish.split_once(';').unwrap_or((wish, "q=1"));
    let primary = range.trim().split('-').next()?;
    let language = if primary == "*" { any } else { Language::parse(primary)? };
    let weight = weight.trim().strip_prefix("q=")?.parse().ok()?;
    (0.0..=1.0).contains(&weight).then_some((language, weight))
}

/// A browser sends a handful.
const MOST_WISHES: usize = 32;

#[cfg(test)]
mod tests {
    use super::Language::*;
    use super::*;

    #[test]
    fn the_reader_gets_the_language_liked_best() {
        for (wish, got) in [
            ("de", German),
            ("de-AT,en;q=0.5", German),
            ("en;q=0.5, fr;q=0.9", French),
            ("ja, es;q=0.1", Spanish),
            ("AR-eg", Arabic),
            ("*", English),
            ("*;q=0.5, de;q=0.4", English),
            ("de;q=0", English),
            ("de;q=2, fr;q=0.1", French),
            ("de;q=NaN", English),
            ("de;level=1", English),
            ("", English),
            ("-,;;q=,q=1,\u{1f600}", English),
            ("ja", English),
        ] {
            assert_eq!(pick(Some(wish), &Language::ALL), got, "{wish}");
        }
        assert_eq!(pick(None, &Language::ALL), English);
    }

    #[test]
    fn only_what_is_offered_is_given() {
        assert_eq!(pick(Some("fr, de;q=0.5"), &[German, English]), German);
        assert_eq!(pick(Some("fr"), &[German, English]), German);
        assert_eq!(pick(Some("fr"), &[]), English);
    }

    #[test]
    fn a_long_list_is_not_read_to_its_end() {
        let long = format!("{}de", "x,".repeat(MOST_WISHES));
        assert_eq!(pick(Some(&long), &Language::ALL), English);
    }
}
