//! "Did you mean": the nearest of several names.

/// The name most like `word`, if one is like enough to be what was meant.
pub(super) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&word, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= LIKE_ENOUGH)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name)
}

/// "bill" for "billing" is 0.91, "timeout" for "tim" 0.86, unrelated words are below 0.7.
const LIKE_ENOUGH: f64 = 0.84;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let names = ["prefix", "upstream", "hosts", "auth", "roles", "strip_prefix"];
        for (word, meant) in [("prefx", "prefix"), ("Prefix", "prefix"), ("upstrem", "upstream"), ("role", "roles")] {
            assert_eq!(nearest(word, names), Some(meant), "{word}");
        }
        assert_eq!(nearest("log_level", names), None);
        assert_eq!(nearest("bill", ["app", "billing"]), Some("billing"));
        assert_eq!(nearest("DB_PASWORD", ["HOME", "DB_PASSWORD", "PATH"]), Some("DB_PASSWORD"));
    }
}
