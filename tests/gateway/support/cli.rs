//! The built binary as somebody at a shell runs it.
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::gateway::command;

/// What a command said, and its exit code.
#[derive(Debug, Clone)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("not JSON ({error}):\n{}", self.out))
    }
}

pub(crate) fn authgate(folder: &Path, variables: &[(String, String)], args: &[&str]) -> Ran {
    authgate_with_input(folder, variables, args, "")
}

pub(crate) fn authgate_with_input(folder: &Path, variables: &[(String, String)], args: &[&str], input: &str) -> Ran {
    let mut child = command(folder, variables)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input may have ended already.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// What Ctrl-C sends.
pub(crate) fn interrupt(process: u32) {
    let done = Command::new("kill").args(["-INT", &process.to_string()]).status().unwrap();
    assert!(done.success());
}
