//! Host patterns and what stands behind them: an exact name before a wildcard, a wildcard before any host.

/// Values by host.
#[derive(Debug, Clone)]
pub(super) struct ByHost<T> {
    /// Sorted by name.
    exact: Vec<(Box<str>, T)>,
    /// What follows the `*`, dot included; the longest first.
    wild: Vec<(Box<str>, T)>,
    any: Option<T>,
}

/// Whether one pattern stands for the host.
pub(super) fn covers(pattern: &str, host: &str) -> bool {
    let mut one = ByHost::default();
    one.insert(Some(pattern), ());
    one.named(host).is_some()
}

impl<T> Default for ByHost<T> {
    fn default() -> Self {
        Self { exact: Vec::new(), wild: Vec::new(), any: None }
    }
}

impl<T> ByHost<T> {
    /// Puts a value behind a pattern; `None` is any host. The first value of a pattern stays.
    pub(super) fn insert(&mut self, pattern: Option<&str>, value: T) {
        let Some(pattern) = pattern else {
            self.any.get_or_insert(value);
            return;
        };
        let pattern = pattern.to_ascii_lowercase();
        match pattern.strip_prefix('*') {
            Some(suffix) => {
                if self.wild.iter().all(|(known, _)| **known != *suffix) {
                    self.wild.push((suffix.into(), value));
                    self.wild.sort_by_key(|(suffix, _)| std::cmp::Reverse(suffix.len()));
                }
            }
            None => {
                if let Err(at) = self.exact.binary_search_by(|(known, _)| (**known).cmp(&pattern)) {
                    self.exact.insert(at, (pattern.into(), value));
                }
            }
        }
    }

    /// What stands behind a host (lower case, no port).
    pub(super) fn find(&self, host: &str) -> Option<&T> {
        self.named(host).or(self.any.as_ref())
    }

    /// As [`Self::find`], any-host values left out.
    pub(super) fn named(&self, host: &str) -> Option<&T> {
        // Most tables name no hosts at all.
        if self.exact.is_empty() && self.wild.is_empty() {
            return None;
        }
        if let Ok(at) = self.exact.binary_search_by(|(name, _)| (**name).cmp(host)) {
            return self.exact.get(at).map(|(_, value)| value);
        }
        // "*.example.org" stands for names of any depth below, and not for "example.org" itself.
        let covers = |suffix: &str| host.strip_suffix(suffix).is_some_and(|labels| !labels.is_empty());
        self.wild.iter().find(|(suffix, _)| covers(suffix)).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_names_come_before_wildcards_and_those_before_any() {
        let mut hosts = ByHost::default();
        hosts.insert(None, "any");
        hosts.insert(Some("*.example.org"), "wild");
        hosts.insert(Some("*.deep.example.org"), "deep");
        hosts.insert(Some("App.example.org"), "exact");
        for (host, value) in [
            ("app.example.org", "exact"),
            ("x.example.org", "wild"),
            ("a.b.example.org", "wild"),
            ("a.deep.example.org", "deep"),
            ("example.org", "any"),
            ("evilexample.org", "any"),
            ("", "any"),
        ] {
            assert_eq!(hosts.find(host), Some(&value), "{host}");
        }
        assert_eq!(hosts.named("example.org"), None);
    }
}
