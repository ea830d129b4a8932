//! Programs of other people, asked as they are.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

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

/// Debian's nginx with these lines in its `http`, and its folder. `None`, said loudly, where there is none.
pub(crate) fn nginx(http: &str) -> Option<(Running, TempDir)> {
    let program = ["/usr/sbin/nginx", "/usr/bin/nginx"].into_iter().find(|path| Path::new(path).exists());
    let Some(program) = program else {
        eprintln!("!! SKIPPED: nginx is not installed");
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display();
    let temporary =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {at}/{kind};"));
    let text = format!(
        "daemon off;\nworker_processes 1;\npid {at}/pid;\nerror_log {at}/error.log;\nevents {{}}\nhttp {{\naccess_log off;\n{}\n{http}\n}}\n",
        temporary.join("\n"),
    );
    fs::write(folder.path().join("nginx.conf"), text).unwrap();
    let mut command = Command::new(program);
    command.arg("-e").arg(folder.path().join("error.log")).arg("-c").arg(folder.path().join("nginx.conf"));
    Some((Running::start(&mut command), folder))
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
