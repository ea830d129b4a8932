//! A line that is typed unseen.
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::base::Secret;

/// Asks on the terminal of this process, wherever its streams go. Ctrl-C is an error of the kind `Interrupted`, after which the
/// terminal shows again what is typed.
pub(super) fn ask(prompt: &str) -> io::Result<Secret> {
    let terminal = OpenOptions::new().read(true).write(true).open(TERMINAL)?;
    let hidden = Hidden::begin(&terminal)?;
    (&terminal).write_all(prompt.as_bytes())?;
    let typed = line(&terminal);
    drop(hidden);
    if matches!(&typed, Err(error) if error.kind() == ErrorKind::Interrupted) {
        (&terminal).write_all(b"\n")?;
    }
    typed
}

/// As long as this lives, nothing that is typed is shown. No key sends a signal, which would end the process and leave the
/// terminal so; the one for Ctrl-C ends the line.
struct Hidden<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Hidden<'a> {
    fn begin(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        hidden.local_modes.insert(LocalModes::ICANON | LocalModes::ECHONL);
        hidden.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
        tcsetattr(terminal, OptionalActions::Now, &hidden)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        tcsetattr(self.terminal, OptionalActions::Now, &self.before).ok();
    }
}

/// The system hands out one line at a time, and mends it as it is typed.
fn line(mut terminal: &File) -> io::Result<Secret> {
    let mut typed = Zeroizing::new(Vec::with_capacity(MAX_LINE));
    let mut part = Zeroizing::new([0; MAX_LINE]);
    loop {
        let length = match terminal.read(&mut *part) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(length) => length,
            // Another signal, which did not end the process.
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        typed.extend_from_slice(part.get(..length).unwrap_or_default());
        match typed.last() {
            Some(&CTRL_C) => return Err(ErrorKind::Interrupted.into()),
            Some(b'\n') => break,
            _ if typed.len() >= MAX_LINE => return Err(ErrorKind::InvalidInput.into()),
            _ => {}
        }
    }
    typed.pop();
    let text = std::str::from_utf8(&typed).map_err(|_| io::Error::from(ErrorKind::InvalidData))?;
    Ok(Secret::new(text.to_owned()))
}

const TERMINAL: &str = "/dev/tty";
const CTRL_C: u8 = 3;
/// What a terminal takes as one line.
const MAX_LINE: usize = 4096;
