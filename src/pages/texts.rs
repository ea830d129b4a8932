//! What pages say, in every language: one file of `key = text` lines each.
use std::collections::BTreeMap;

use minijinja::Value;
use minijinja::value::Serde;

use super::Language;

/// All texts.
#[derive(Debug)]
pub(super) struct Texts(Vec<(Language, Words, Value)>);

/// The texts of one language.
#[derive(Debug, Clone)]
pub(super) struct Words {
    language: Language,
    by_key: BTreeMap<&'static str, &'static str>,
}

impl Texts {
    pub(super) fn built_in() -> Self {
        let read = |language| {
            let words = Words { language, by_key: parse(file(language)).collect() };
            let value = Value::from(Serde(&words.by_key));
            (language, words, value)
        };
        Self(Language::ALL.map(read).into())
    }

    /// English stands for whatever is not there; a test sees to it that everything is.
    pub(super) fn of(&self, language: Language) -> Option<&Words> {
        self.0.iter().find(|(own, _, _)| *own == language).map(|(_, words, _)| words)
    }

    /// The same for templates.
    pub(super) fn value(&self, language: Language) -> Value {
        let found = self.0.iter().find(|(own, _, _)| *own == language);
        found.map(|(_, _, value)| value.clone()).unwrap_or_default()
    }
}

impl Words {
    /// The text of a key; the key itself where there is none.
    pub(super) fn say<'k>(&self, key: &'k str) -> &'k str {
        self.by_key.get(key).copied().unwrap_or(key)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.by_key.contains_key(key)
    }

    /// A text with a number in it, in the form of the noun that belongs to it.
    pub(super) fn counted(&self, key: &str, count: u64) -> String {
        let form = format!("{key}_{}", self.language.plural(count));
        let other = format!("{key}_other");
        let text = if self.has(&form) { self.say(&form) } else { self.say(&other) };
        text.replace("{n}", &count.to_string())
    }
}

const fn file(language: Language) -> &'static str {
    match language {
        Language::English => include_str!("texts/en.txt"),
        Language::German => include_str!("texts/de.txt"),
        Language::French => include_str!("texts/fr.txt"),
        Language::Spanish => include_str!("texts/es.txt"),
        Language::Arabic => include_str!("texts/ar.txt"),
    }
}

/// Lines of `key = text`; empty ones and those that begin with `#` are skipped.
fn parse(file: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = file.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('=')).map(|(key, text)| (key.trim(), text.trim()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Keys without the forms that only some languages need.
    fn keys(language: Language) -> BTreeSet<&'static str> {
        let extra = |key: &&str| !key.ends_with("_two") && !key.ends_with("_few");
        parse(file(language)).map(|(key, _)| key).filter(extra).collect()
    }

    #[test]
    fn every_language_says_everything() {
        let english = keys(Language::English);
        for language in Language::ALL {
            assert_eq!(keys(language), english, "src/pages/texts/{}.txt", language.tag());
        }
    }

    #[test]
    fn every_text_stands_once_and_has_the_places_of_the_english_one() {
        let places = |text: &str| -> BTreeSet<String> {
            let pieces = text.split('{').skip(1).filter_map(|piece| piece.split_once('}'));
            pieces.map(|(name, _)| name.to_owned()).collect()
        };
        let english: BTreeMap<_, _> = parse(file(Language::English)).collect();
        for language in Language::ALL {
            let mut seen = BTreeSet::new();
            for (key, text) in parse(file(language)) {
                assert!(!text.is_empty(), "{}: {key} says nothing", language.tag());
                assert!(seen.insert(key), "{}: {key} stands twice", language.tag());
                // "One minute" needs no figure in some languages.
                if let Some(other) = english.get(key).filter(|_| !key.ends_with("_one")) {
                    assert_eq!(places(text), places(other), "{}: {key}", language.tag());
                }
            }
        }
    }

    #[test]
    fn every_key_is_used_by_a_template_or_a_page() {
        let mut sources = String::new();
        for folder in ["src/pages", "src/pages/templates", "src/refusal", "src/endpoints"] {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|ending| ending == "rs" || ending == "html") {
                    sources.push_str(&std::fs::read_to_string(path).unwrap());
                }
            }
        }
        // Those that are put together from a word: "field_" and a name, "problem_" and a code.
        let put_together = ["problem_", "refused_", "field_", "done_", "notice_"];
        for key in keys(Language::English) {
            let stem = key.trim_end_matches("_one").trim_end_matches("_other");
            let used = sources.contains(&format!("t.{stem}")) || sources.contains(&format!("\"{stem}\""));
            assert!(used || put_together.iter().any(|start| key.starts_with(start)), "nothing says {key}");
        }
    }

    #[test]
    fn numbers_have_their_noun() {
        let texts = Texts::built_in();
        let say = |language, count| texts.of(language).unwrap().counted("wait_minutes", count);
        assert_eq!(say(Language::English, 1), "Try again in 1 minute.");
        assert_eq!(say(Language::English, 2), "Try again in 2 minutes.");
        assert_eq!(say(Language::German, 1), "Versuchen Sie es in 1 Minute noch einmal.");
        assert_ne!(say(Language::Arabic, 2), say(Language::Arabic, 3).replace('3', "2"));
    }
}
