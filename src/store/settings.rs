use std::fmt;
use std::path::PathBuf;

/// Where the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Settings {
    /// One file on this machine, from `sqlite:PATH`. Relative paths are relative to the working directory.
    Sqlite { path: PathBuf },
}

/// As it is written in the file.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path } => write!(f, "sqlite:{}", path.display()),
        }
    }
}
