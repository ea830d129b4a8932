//! One thing that is wrong with the file: code, place, cause, cure.
use std::ops::Range;
use std::sync::Arc;

use super::codes::Code;
use super::suggest::is_slip;
use super::tree::is_toml;

/// What was found in one file, in the order of the file.
#[derive(Debug, Clone)]
pub(crate) struct Findings {
    pub(super) source: Source,
    pub(super) list: Vec<Finding>,
}

/// A file's name and text.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(super) name: Arc<str>,
    pub(super) text: Arc<str>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(super) code: Code,
    /// What is wrong, in one line. Never holds the value of a secret.
    pub(super) title: String,
    pub(super) place: Place,
    /// Stands beside the caret.
    pub(super) label: String,
    /// Other places that explain it.
    pub(super) beside: Vec<(Range<usize>, String)>,
    pub(super) cure: Option<Cure>,
}

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// Bytes of the file.
    Span(Range<usize>),
    /// An environment variable.
    Variable(String),
    /// Nowhere: it is the default.
    Default,
}

/// What to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cure {
    Say(String),
    /// Write `with` in place of these bytes.
    Replace {
        words: String,
        span: Range<usize>,
        with: String,
        /// It is the same by another name, and no guess at a misspelt one.
        known: bool,
    },
}

impl Finding {
    pub(super) fn new(code: Code, place: Place, title: impl Into<String>) -> Self {
        Self { code, title: title.into(), place, label: String::new(), beside: Vec::new(), cure: None }
    }

    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Points at another place too, if it is one of the file.
    pub(super) fn beside(mut self, place: &Place, label: impl Into<String>) -> Self {
        if let Place::Span(span) = place {
            self.beside.push((span.clone(), label.into()));
        }
        self
    }

    pub(super) fn say(mut self, words: impl Into<String>) -> Self {
        self.cure = Some(Cure::Say(words.into()));
        self
    }

    /// Shows the line as it should be; where the value is not in the file, `words` and the new text are said.
    pub(super) fn replace(mut self, words: impl Into<String>, place: &Place, with: impl Into<String>) -> Self {
        let (words, with) = (words.into(), with.into());
        self.cure = Some(match place {
            Place::Span(span) => Cure::Replace { words, span: span.clone(), with, known: false },
            Place::Variable(_) | Place::Default => Cure::Say(format!("{words}: {with}")),
        });
        self
    }

    /// `replace` when there is something to suggest.
    pub(super) fn replace_if(self, words: &str, place: &Place, with: Option<String>) -> Self {
        match with {
            Some(with) => self.replace(words, place, with),
            None => self,
        }
    }

    /// Says of a replacement that it is no guess.
    pub(super) fn known(mut self) -> Self {
        if let Some(Cure::Replace { known, .. }) = &mut self.cure {
            *known = true;
        }
        self
    }

    #[cfg(test)]
    pub(crate) fn code(&self) -> Code {
        self.code
    }
}

impl Findings {
    pub(super) fn new(source: Source, mut list: Vec<Finding>) -> Self {
        list.sort_by_key(|finding| match &finding.place {
            Place::Span(span) => (span.start, finding.code),
            Place::Variable(_) | Place::Default => (usize::MAX, finding.code),
        });
        list.dedup();
        Self { source, list }
    }

    pub(crate) fn errors(&self) -> usize {
        self.list.iter().filter(|finding| !finding.code.is_warning()).count()
    }

    pub(crate) fn warnings(&self) -> usize {
        self.list.len() - self.errors()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.list.iter()
    }

    /// The file's name.
    pub(crate) fn name(&self) -> &str {
        &self.source.name
    }

    /// "gateway.toml: 6 errors, 1 warning."
    pub(crate) fn summary(&self) -> String {
        let plural = |count, word| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        format!("{}: {}, {}.", self.source.name, plural(self.errors(), "error"), plural(self.warnings(), "warning"))
    }

    /// The text with every sure cure of a misspelt name written into it, if there is one. A cure that would make it
    /// unreadable, such as a key that is there already, is left to the operator.
    pub(crate) fn renamed(&self) -> Option<String> {
        let mut cures: Vec<_> = self.list.iter().filter_map(|finding| self.sure(finding)).collect();
        cures.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
        let mut text = self.source.text.to_string();
        let mut changed = false;
        for (span, with) in cures {
            let mut next = text.clone();
            next.replace_range(span, with);
            if is_toml(&next) {
                text = next;
                changed = true;
            }
        }
        changed.then_some(text)
    }

    /// What to write where, when nothing else can have been meant. What a reference stands for is not the file's to say.
    fn sure<'f>(&self, finding: &'f Finding) -> Option<(Range<usize>, &'f str)> {
        let Some(Cure::Replace { words, span, with, known }) = &finding.cure else { return None };
        let written = self.source.slice(span);
        let sure = words.starts_with(DID_YOU_MEAN) && !written.contains('$') && (*known || is_slip(written, with));
        sure.then(|| (span.clone(), with.as_str()))
    }
}

/// How the cure of a misspelt name begins: `check --fix` applies these and no others.
pub(super) const DID_YOU_MEAN: &str = "did you mean";

impl Source {
    pub(super) fn new(name: &str, text: &str) -> Self {
        Self { name: Arc::from(name), text: Arc::from(text) }
    }

    /// Line and column of a byte, both from 1; the column counts characters.
    pub(super) fn position(&self, byte: usize) -> (usize, usize) {
        let before = self.text.get(..byte).unwrap_or(&self.text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }

    /// The name of the section that a byte stands in, as far as headers tell; "" before the first one.
    pub(super) fn section_at(&self, byte: usize) -> &str {
        let line_end = self.text.get(byte..).and_then(|rest| rest.find('\n')).map_or(self.text.len(), |at| byte + at);
        let before = self.text.get(..line_end).unwrap_or(&self.text);
        let header = before.lines().rev().map(str::trim).find(|line| line.starts_with('['));
        let name = header.unwrap_or_default().trim_start_matches('[');
        name.split([']', '.', '#']).next().unwrap_or_default().trim()
    }

    pub(super) fn slice(&self, span: &Range<usize>) -> &str {
        self.text.get(span.clone()).unwrap_or_default()
    }
}
