//! What the process was started with, handed in as a value so that a test never touches the real one.
use std::collections::BTreeMap;
use std::num::NonZero;

/// Variables and the number of cores.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    variables: BTreeMap<String, String>,
    cores: usize,
}

impl Environment {
    /// The real one. A variable that is not UTF-8 counts as not set.
    pub(crate) fn of_process() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self { variables, cores }
    }

    /// One in which nothing is set.
    pub(crate) fn bare() -> Self {
        Self { variables: BTreeMap::new(), cores: 1 }
    }

    /// As if the log's level had been set to `debug` from outside; a level that is set there stays.
    pub(crate) fn verbose(mut self) -> Self {
        self.variables.entry(format!("{OVERRIDE}LOG__LEVEL")).or_insert_with(|| "debug".to_owned());
        self
    }

    #[cfg(test)]
    /// One made by hand: these variables and two cores.
    pub(crate) fn of<const N: usize>(variables: [(&str, &str); N]) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { variables, cores: 2 }
    }

    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }

    /// The variables that stand for settings, with the part of their name after the mark.
    pub(super) fn overrides(&self) -> impl Iterator<Item = Override<'_>> {
        self.variables.iter().filter_map(|(name, value)| {
            let path = name.strip_prefix(OVERRIDE)?;
            Some(Override { name, path: path.split("__").map(str::to_ascii_lowercase).collect(), value })
        })
    }

    pub(super) fn cores(&self) -> usize {
        self.cores
    }
}

/// `AUTHGATE__SERVER__LISTEN=127.0.0.1:8080`
#[derive(Debug)]
pub(super) struct Override<'a> {
    pub(super) name: &'a str,
    /// "server", "listen"
    pub(super) path: Vec<String>,
    pub(super) value: &'a str,
}

/// What the name of a variable that stands for a setting begins with.
pub(super) const OVERRIDE: &str = "AUTHGATE__";
