use std::path::PathBuf;

/// Where the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Settings {
    /// One file on this machine, from `sqlite:PATH`. Relative paths are relative to the working directory.
    Sqlite { path: PathBuf },
}
