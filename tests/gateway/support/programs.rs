//! Programs of other people, asked as they are.
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A program of a Python package, installed when it is missing. `None`, said loudly, where that cannot be.
pub(crate) fn python_program(name: &str, package: &str) -> Option<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/python");
    let ran = Command::new(script).arg(package).output().unwrap();
    if !ran.status.success() {
        eprintln!("!! SKIPPED: {package} cannot be installed: {}", String::from_utf8_lossy(&ran.stderr));
        return None;
    }
    Some(Path::new(String::from_utf8_lossy(&ran.stdout).trim()).join(name))
}

/// A Python with the packages `websockets`, `grpcio`, `h2` and `wsproto`. `None`, said loudly, where that cannot be.
pub(crate) fn python_with_streams() -> Option<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/python-streams");
    let made = Command::new(script).output().unwrap();
    if !made.status.success() {
        eprintln!("!! SKIPPED: no Python environment: {}", String::from_utf8_lossy(&made.stderr));
        return None;
    }
    Some(PathBuf::from(String::from_utf8_lossy(&made.stdout).trim()))
}

/// A program that ends with its test.
#[derive(Debug)]
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A signal that it can answer: it ends its own workers first.
        drop(Command::new("sh").args(["-c", &format!("kill -TERM {}", self.0.id())]).status());
        drop(self.0.wait());
    }
}
