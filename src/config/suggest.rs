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

/// Is one the other but for a slip of the pen or two? What tells two names apart on purpose is none: `roles_none` is not
/// `roles`, and `app2` not `app`.
pub(super) fn is_slip(written: &str, meant: &str) -> bool {
    let bare = |text: &str| text.trim_matches(['"', '\'', '[', ']']).to_lowercase();
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let (written, meant) = (bare(written), bare(meant));
    let slips = strsim::damerau_levenshtein(&written, &meant);
    slips <= 2 && 3 * slips <= written.chars().count().max(meant.chars().count()) && digits(&written) == digits(&meant)
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

    #[test]
    fn a_slip_is_a_letter_or_two_and_not_another_word() {
        for (written, meant) in [
            ("prefx", "prefix"),
            ("\"nonee\"", "\"none\""),
            ("[route]", "[[routes]]"),
            ("get", "GET"),
            ("'ap'", "\"app\""),
            ("10MB", "10MiB"),
        ] {
            assert!(is_slip(written, meant), "{written}");
        }
        for (written, meant) in [
            ("roles_none", "roles"),
            ("networks_deny", "networks"),
            ("app-dev", "app"),
            ("app2", "app1"),
            ("db", "api"),
        ] {
            assert!(!is_slip(written, meant), "{written}");
        }
    }
}
