//! How many file descriptors the process may hold: as many as the system lets it have.
//!
//! Systems start programs with a soft bound of 1024, for those that use `select`, and a hard one that is far higher. Each connection
//! takes one descriptor, and another one towards its backend.
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the process may open, before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Descriptors {
    pub(crate) before: u64,
    pub(crate) after: u64,
}

impl Descriptors {
    /// Raises the soft bound to the hard one. Where that is refused all stays as it was.
    pub(crate) fn raise() -> Self {
        let bound = getrlimit(Resource::Nofile);
        let (before, most) = (number(bound.current), number(bound.maximum));
        let raised = before < most && setrlimit(Resource::Nofile, Rlimit { current: bound.maximum, ..bound }).is_ok();
        Self { before, after: if raised { most } else { before } }
    }

    /// Whether so many connections can be open at once, each with one towards its backend.
    pub(crate) fn suffice(self, connections: usize) -> bool {
        self.after / 2 >= u64::try_from(connections).unwrap_or(u64::MAX)
    }
}

fn number(bound: Option<u64>) -> u64 {
    bound.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_connection_takes_one_and_one_towards_its_backend() {
        let may = |after| Descriptors { before: 1024, after };
        assert!(may(20_000).suffice(10_000));
        assert!(!may(19_999).suffice(10_000));
        assert!(may(number(None)).suffice(usize::MAX / 2));
    }
}
