//! How a store is opened: whether one is made, and who hears that its tables are changed.
use super::migrations::{self, Row};
use super::{Migrate, StoreError};

/// `tell` hears that the tables are about to be changed, when nobody else is waited for any more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opening<F> {
    pub(crate) migrate: Migrate,
    /// A question must not make a store.
    pub(crate) make: bool,
    pub(crate) tell: F,
}

/// What there is to do before the tables can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Todo {
    Nothing,
    Changes,
    /// There are none, and none are to be made.
    NotThere,
}

impl<F: Fn()> Opening<F> {
    /// Of the engine's `list` the changes that are `applied` were found.
    pub(super) fn todo(&self, list: &[Row], applied: &[i64]) -> Result<Todo, StoreError> {
        Ok(match migrations::are_wanted(list, applied, self.migrate)? {
            true if applied.is_empty() && !self.make => Todo::NotThere,
            true => Todo::Changes,
            false => Todo::Nothing,
        })
    }
}
