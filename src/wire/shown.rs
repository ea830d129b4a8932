//! Credentials that stand elsewhere than in `Authorization`. They are taken off when a request is admitted, so that no
//! upstream and no log ever meets them.
use crate::base::Secret;

/// What a request shows in one such place.
#[derive(Debug, Default)]
pub(crate) enum Shown {
    #[default]
    Nothing,
    One(Secret),
    /// More than one: which of them counts would be left to chance.
    Several,
}

impl Shown {
    pub(super) fn add(&mut self, text: &str) {
        *self = match self {
            Self::Nothing => Self::One(Secret::new(text.to_owned())),
            Self::One(_) | Self::Several => Self::Several,
        };
    }
}

/// Takes a parameter off a query; what is left stays byte for byte. `None`: it does not stand there.
pub(super) fn take_parameter(query: &str, name: &str) -> Option<(String, Shown)> {
    let value = |piece: &'_ str| -> Option<usize> {
        let rest = piece.strip_prefix(name)?;
        (rest.is_empty() || rest.starts_with('=')).then_some(name.len() + 1)
    };
    let mut shown = Shown::Nothing;
    let mut left = Vec::new();
    for piece in query.split('&') {
        match value(piece) {
            // Without a value it says nothing, and goes all the same.
            Some(at) => {
                if let Some(text) = piece.get(at..).filter(|text| !text.is_empty()) {
                    shown.add(text);
                }
            }
            None => left.push(piece),
        }
    }
    (left.len() < query.split('&').count()).then(|| (left.join("&"), shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(query: &str) -> Option<(String, Option<String>)> {
        let (left, shown) = take_parameter(query, "access_token")?;
        let text = match shown {
            Shown::Nothing => None,
            Shown::One(text) => Some(text.expose().to_owned()),
            Shown::Several => Some("several".to_owned()),
        };
        Some((left, text))
    }

    #[test]
    fn a_parameter_is_taken_and_the_rest_stays_byte_for_byte() {
        let one = |left: &str, text: &str| Some((left.to_owned(), Some(text.to_owned())));
        assert_eq!(take("access_token=t"), one("", "t"));
        assert_eq!(take("a=%20&access_token=t&&b"), one("a=%20&&b", "t"));
        assert_eq!(take("access_token=a=b"), one("", "a=b"));
        assert_eq!(take("access_token=t&access_token=t"), one("", "several"));
        assert_eq!(take("access_token=&x"), Some(("x".to_owned(), None)));
        assert_eq!(take("access_token"), Some((String::new(), None)));
    }

    #[test]
    fn names_that_are_only_alike_stay() {
        for query in
            ["", "a=access_token=t", "access_tokens=t", "Access_Token=t", "xaccess_token=t", "access%5Ftoken=t"]
        {
            assert_eq!(take(query), None, "{query}");
        }
    }
}
