//! Where a command reads and writes, handed in so that a test can look at it.
use std::fmt;
use std::io::{BufRead, Write};

/// Results on `out`, everything else on `err`.
pub(crate) struct Terminal<'a> {
    pub(crate) out: &'a mut dyn Write,
    pub(crate) err: &'a mut dyn Write,
    pub(crate) input: &'a mut dyn BufRead,
    /// `out` shows colours.
    pub(crate) color: bool,
    /// Somebody sits there who can be asked.
    pub(crate) asks: bool,
}

impl Terminal<'_> {
    /// A result; whoever handed `out` in looks whether it could be written.
    pub(crate) fn say(&mut self, text: &str) {
        self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()).ok();
    }

    /// Anything that is no result.
    pub(crate) fn tell(&mut self, text: &str) {
        self.err.write_all(text.as_bytes()).and_then(|()| self.err.flush()).ok();
    }

    /// Asks for a line; nothing typed is the default.
    pub(crate) fn ask(&mut self, question: &str, default: &str) -> String {
        self.tell(&format!("{question} [{default}] "));
        let mut line = String::new();
        match self.input.read_line(&mut line) {
            Ok(_) if !line.trim().is_empty() => line.trim().to_owned(),
            Ok(_) | Err(_) => default.to_owned(),
        }
    }
}

impl fmt::Debug for Terminal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal").field("color", &self.color).field("asks", &self.asks).finish_non_exhaustive()
    }
}

/// What a command answered, for tests.
#[cfg(test)]
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) code: u8,
    pub(super) out: String,
    pub(super) err: String,
}

/// Runs a command on a terminal of strings; with an `input`, somebody sits there who can be asked.
#[cfg(test)]
pub(super) fn answer(input: Option<&str>, command: impl FnOnce(&mut Terminal<'_>) -> u8) -> Answer {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut lines = input.unwrap_or_default().as_bytes();
    let mut terminal =
        Terminal { out: &mut out, err: &mut err, input: &mut lines, color: false, asks: input.is_some() };
    let code = command(&mut terminal);
    Answer { code, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
}
