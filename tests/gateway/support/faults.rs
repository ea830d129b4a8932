//! A machine in its bad hours: a library of a few lines that stands between the gateway and the system.
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::process::Command;

use tempfile::TempDir;

use super::Site;

/// What is wrong with the machine. All is well until the test says otherwise, and again when it says so.
#[derive(Debug)]
pub(crate) struct Faults {
    folder: TempDir,
    page: File,
}

impl Faults {
    pub(crate) fn none() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("faults.c");
        fs::write(&source, include_str!("faults.c")).unwrap();
        let made = Command::new("cc")
            .args(["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o"])
            .arg(folder.path().join("faults.so"))
            .arg(&source)
            .arg("-ldl")
            .output()
            .expect("a C compiler, which the build needs too");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let path = folder.path().join("page");
        fs::write(&path, [0; 4096]).unwrap();
        let page = File::options().read(true).write(true).open(path).unwrap();
        Self { folder, page }
    }

    /// The site whose processes feel them.
    pub(crate) fn on(&self, site: Site) -> Site {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        site.env("LD_PRELOAD", &path("faults.so")).env("FAULTS", &path("page"))
    }

    /// The system's clock is wrong by so many seconds.
    pub(crate) fn clock_is_off_by(&self, seconds: i64) {
        self.put(0, seconds * 1000);
    }

    pub(crate) fn disk_is_full(&self, full: bool) {
        self.put(1, i64::from(full));
    }

    /// For names that end in `.test`; they are this machine otherwise.
    pub(crate) fn names(&self, names: Names) {
        self.put(2, names as i64);
    }

    /// The process is killed instead of the last of so many writes to the store; 0: it lives.
    pub(crate) fn dies_at_write(&self, count: i64) {
        self.put(3, count);
    }

    /// The system has no random bytes to give.
    pub(crate) fn randomness_fails(&self, fails: bool) {
        self.put(4, i64::from(fails));
    }

    /// The disk has room for so many bytes.
    pub(crate) fn room(&self, bytes: i64) {
        self.put(7, bytes + 1);
    }

    /// The disk takes so many milliseconds to keep what was written to the store; 0: as long as it takes.
    pub(crate) fn disk_is_slow(&self, millis: i64) {
        self.put(5, millis);
    }

    /// How often the slow disk was asked to keep something: a commit is under way from then on.
    pub(crate) fn commits(&self) -> i64 {
        let mut value = [0; 8];
        self.page.read_exact_at(&mut value, 6 * 8).unwrap();
        i64::from_ne_bytes(value)
    }

    fn put(&self, which: u64, value: i64) {
        self.page.write_all_at(&value.to_ne_bytes(), which * 8).unwrap();
    }
}

/// What happens to who asks for the address of a name.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Names {
    Known = 0,
    NotFound = 1,
    NobodyAnswers = 2,
}
