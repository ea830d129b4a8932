//! Counters kept at hand: what a request counts is found without hashing a label.
use std::sync::OnceLock;

use http::Method;
use prometheus::{IntCounter, IntCounterVec};

/// The counters of one label set that ends in a status code.
#[derive(Debug)]
pub(super) struct ByCode {
    all: IntCounterVec,
    /// What stands before the code.
    labels: Vec<String>,
    known: [OnceLock<IntCounter>; CODES.len()],
}

impl ByCode {
    pub(super) fn new(all: &IntCounterVec, labels: &[&str]) -> Self {
        let labels = labels.iter().map(|&label| label.to_owned()).collect();
        Self { all: all.clone(), labels, known: [const { OnceLock::new() }; CODES.len()] }
    }

    pub(super) fn count(&self, code: u16) {
        match CODES.iter().position(|&known| known == code).and_then(|place| self.known.get(place)) {
            Some(kept) => kept.get_or_init(|| self.counter(&code.to_string())).inc(),
            None if (100..600).contains(&code) => self.counter(&code.to_string()).inc(),
            None => self.counter("other").inc(),
        }
    }

    pub(super) fn count_word(&self, word: &'static str) {
        self.counter(word).inc();
    }

    fn counter(&self, last: &str) -> IntCounter {
        let labels: Vec<&str> = self.labels.iter().map(String::as_str).chain([last]).collect();
        self.all.with_label_values(&labels)
    }
}

/// The counters of one label set that ends in words of ours.
#[derive(Debug)]
pub(super) struct ByWords<const N: usize> {
    all: IntCounterVec,
    /// What stands before the words.
    label: Option<String>,
    /// The first sets that were seen, which are the usual ones.
    known: [OnceLock<([&'static str; N], IntCounter)>; 16],
}

impl<const N: usize> ByWords<N> {
    pub(super) fn new(all: &IntCounterVec, label: Option<&str>) -> Self {
        Self { all: all.clone(), label: label.map(str::to_owned), known: [const { OnceLock::new() }; 16] }
    }

    /// The words are of the program, not of a request: so there are only so many of them.
    pub(super) fn count(&self, words: [&'static str; N]) {
        for kept in &self.known {
            let (seen, counter) = kept.get_or_init(|| (words, self.counter(words)));
            if *seen == words {
                counter.inc();
                return;
            }
        }
        self.counter(words).inc();
    }

    fn counter(&self, words: [&'static str; N]) -> IntCounter {
        let labels: Vec<&str> = self.label.as_deref().into_iter().chain(words).collect();
        self.all.with_label_values(&labels)
    }
}

/// Where a method stands in [`METHODS`]; a made-up one is the last.
pub(super) fn place_of(method: &Method) -> usize {
    METHODS.iter().position(|&known| known == method.as_str()).unwrap_or(METHODS.len() - 1)
}

/// Methods that become a label of their own (RFC 9110, section 9.3, and PATCH).
pub(super) const METHODS: [&str; 10] =
    ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "other"];

/// Codes with a counter at hand, the most usual first.
const CODES: [u16; 24] = [
    200, 401, 304, 201, 204, 302, 303, 404, 403, 400, 206, 301, 202, 405, 409, 413, 422, 429, 499, 500, 502, 503, 504,
    101,
];
