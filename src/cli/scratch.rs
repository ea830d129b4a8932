//! A store's file that is not to stay.
use std::fs;
use std::path::{Path, PathBuf};

use crate::base::Clock;

/// A file that is gone when this is, with its companions, unless it was moved into its place.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) const fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// In the system's folder for such; nothing is there yet.
    pub(super) fn elsewhere(what: &str) -> Self {
        let (process, moment) = (std::process::id(), Clock::system().now().as_i64());
        Self(std::env::temp_dir().join(format!("authgate-{what}-{process}-{moment}.db")))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm"] {
            let mut name = self.0.as_os_str().to_owned();
            name.push(suffix);
            fs::remove_file(name).ok();
        }
    }
}
