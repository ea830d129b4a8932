//! An error with its causes, in one text.
use std::error::Error;
use std::fmt;

/// An error and its causes, each once: `cannot read sessions: disk is full`.
#[derive(Debug)]
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // Some libraries repeat their cause in their own text.
            if !said.ends_with(&text) {
                write!(f, ": {text}")?;
            }
            said = text;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Layer(&'static str, #[source] Option<Box<Self>>);

    #[test]
    fn a_chain_tells_each_cause_once() {
        let disk = Layer("disk is full", None);
        let store = Layer("cannot write: disk is full", Some(Box::new(disk)));
        let refresh = Layer("refresh failed", Some(Box::new(store)));
        assert_eq!(Chain(&refresh).to_string(), "refresh failed: cannot write: disk is full");
    }
}
