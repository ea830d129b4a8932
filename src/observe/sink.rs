//! Where lines go: one thread writes them, so that nobody who serves a request waits for a disk or a terminal.
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// A bounded queue of lines and the thread that empties it. Cheap to clone; the last clone writes out the rest.
#[derive(Debug, Clone)]
pub(super) struct Sink {
    shared: Arc<Shared>,
    _last: Arc<Last>,
}

/// How soon a line must be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Haste {
    /// With others that come within a blink: one system call for all of them.
    None,
    Now,
}

/// Says, as a line, that so many lines were lost.
pub(super) type Notice = fn(u64) -> Vec<u8>;

/// What is heard of lines that cannot be written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Trouble<'a> {
    /// Said once, until some could be written again.
    Begins(&'a io::Error),
    /// Lines can be written again, and there is one now that says how many are not there.
    Lost(u64),
}

/// Hears of trouble.
pub(super) type Tell = fn(Trouble<'_>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    more: Condvar,
    written: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    lost: u64,
    /// The writer waits for a first line and must be woken.
    asleep: bool,
    hurry: bool,
    writing: bool,
    closed: bool,
}

impl Sink {
    /// Starts the thread. `name` is what the thread is called.
    pub(super) fn start(name: &str, out: impl Write + Send + 'static, notice: Notice) -> io::Result<Self> {
        // When the reader of our log is gone there is nobody to tell.
        Self::start_telling(name, out, notice, |_| {})
    }

    /// As [`Self::start`], for lines that must not be lost without a word.
    pub(super) fn start_telling(
        name: &str,
        out: impl Write + Send + 'static,
        notice: Notice,
        tell: Tell,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let out = Out { out, torn: false, troubled: false, lost: 0 };
        drop(thread::Builder::new().name(name.to_owned()).spawn(move || theirs.write_all(out, notice, tell))?);
        Ok(Self { _last: Arc::new(Last(Arc::clone(&shared))), shared })
    }

    /// Queues one line (its end included). When the queue is full the line is lost and counted.
    pub(super) fn push(&self, line: &[u8], haste: Haste) {
        let mut state = self.shared.lock();
        if state.waiting.len() + line.len() > MOST_BYTES {
            state.lost += 1;
            return;
        }
        state.waiting.extend_from_slice(line);
        let hurry = haste == Haste::Now || state.waiting.len() > SOON_BYTES;
        let wake = state.asleep || (hurry && !state.hurry);
        state.hurry |= hurry;
        state.asleep = false;
        drop(state);
        if wake {
            self.shared.more.notify_one();
        }
    }

    /// Waits until everything queued is written, or until it is clear that nobody takes it.
    pub(super) fn flush(&self) {
        self.shared.flush();
    }
}

/// Held by every clone of a sink; when it goes, so does the thread.
#[derive(Debug)]
struct Last(Arc<Shared>);

impl Drop for Last {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.flush();
    }
}

impl Shared {
    fn flush(&self) {
        let mut state = self.lock();
        state.hurry = true;
        self.more.notify_one();
        let done = |state: &mut State| state.writing || state.lost > 0 || !state.waiting.is_empty();
        drop(self.written.wait_timeout_while(state, FLUSH_PATIENCE, done));
    }

    fn write_all(&self, mut out: Out<impl Write>, notice: Notice, tell: Tell) {
        let mut lines = Vec::new();
        while let Some(lost) = self.take(&mut lines) {
            out.lost += lost;
            out.write(&lines, notice, tell);
            lines.clear();
            lines.shrink_to(SOON_BYTES);
            self.lock().writing = false;
            self.written.notify_all();
        }
        self.written.notify_all();
    }

    /// Waits for lines and swaps them into `lines`; says how many were lost. `None`: closed and empty.
    fn take(&self, lines: &mut Vec<u8>) -> Option<u64> {
        let mut state = self.lock();
        while state.waiting.is_empty() && state.lost == 0 {
            if state.closed {
                return None;
            }
            state.asleep = true;
            state.hurry = false;
            state = self.more.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.asleep = false;
        let blink = |state: &mut State| !state.hurry && !state.closed;
        state = self.more.wait_timeout_while(state, BLINK, blink).unwrap_or_else(PoisonError::into_inner).0;
        std::mem::swap(&mut state.waiting, lines);
        state.hurry = false;
        state.writing = true;
        Some(std::mem::take(&mut state.lost))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What lines are written to, and what is to be made good there.
struct Out<W> {
    out: W,
    /// The last line did not get to its end.
    torn: bool,
    troubled: bool,
    /// Lines of which nobody was told yet that they are lost.
    lost: u64,
}

impl<W: Write> Out<W> {
    fn write(&mut self, lines: &[u8], notice: Notice, tell: Tell) {
        let written = self.put(lines, tell);
        let left = lines.get(written..).unwrap_or_default();
        self.lost += left.iter().map(|&byte| u64::from(byte == b'\n')).sum::<u64>();
        if left.is_empty() && self.lost > 0 {
            let said = notice(self.lost);
            if self.put(&said, tell) == said.len() {
                tell(Trouble::Lost(std::mem::take(&mut self.lost)));
            }
        }
        drop(self.out.flush());
    }

    /// How many bytes were taken.
    fn put(&mut self, lines: &[u8], tell: Tell) -> usize {
        let (written, failed) = self.try_write(lines);
        if let Some(&last) = written.checked_sub(1).and_then(|at| lines.get(at)) {
            self.torn = last != b'\n';
        }
        let was_troubled = std::mem::replace(&mut self.troubled, failed.is_some());
        if let Some(error) = failed.filter(|_| !was_troubled) {
            tell(Trouble::Begins(&error));
        }
        written
    }

    /// How many bytes were taken, and what went wrong then.
    fn try_write(&mut self, lines: &[u8]) -> (usize, Option<io::Error>) {
        if self.torn
            && let Err(error) = self.out.write_all(b"\n")
        {
            return (0, Some(error));
        }
        self.torn = false;
        let mut written = 0;
        while let Some(left) = lines.get(written..).filter(|left| !left.is_empty()) {
            match self.out.write(left) {
                Ok(0) => return (written, Some(io::ErrorKind::WriteZero.into())),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (written, Some(error)),
            }
        }
        (written, None)
    }
}

/// The most bytes that wait for the thread: some ten thousand lines. Beyond, lines are lost rather than requests held up.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// With so many the thread does not wait for more.
const SOON_BYTES: usize = 64 * 1024;
/// How long the thread waits for more lines to write together.
const BLINK: Duration = Duration::from_millis(20);
/// A reader that takes nothing must not hold up the end of the process for longer.
const FLUSH_PATIENCE: Duration = Duration::from_secs(3);

#[cfg(test)]
pub(super) mod tests {
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    /// Keeps what was written.
    #[derive(Debug, Clone, Default)]
    pub(in crate::observe) struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Kept {
        pub(in crate::observe) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    pub(in crate::observe) fn notice(lost: u64) -> Vec<u8> {
        format!("lost {lost}\n").into_bytes()
    }

    #[test]
    fn every_line_is_written_in_order_and_whole() {
        let kept = Kept::default();
        let sink = Sink::start("test", kept.clone(), notice).unwrap();
        for number in 0..1000 {
            sink.push(format!("line {number}\n").as_bytes(), Haste::None);
        }
        sink.flush();
        let expected: String = (0..1000).map(|number| format!("line {number}\n")).collect();
        assert_eq!(kept.text(), expected);
    }

    #[test]
    fn the_last_clone_writes_out_the_rest() {
        let kept = Kept::default();
        let sink = Sink::start("test", kept.clone(), notice).unwrap();
        let other = sink.clone();
        sink.push(b"one\n", Haste::None);
        drop(sink);
        other.push(b"two\n", Haste::None);
        drop(other);
        assert_eq!(kept.text(), "one\ntwo\n");
    }

    #[test]
    fn a_line_without_haste_is_written_soon_too() {
        let (said, heard) = mpsc::channel();
        let sink = Sink::start("test", Told(said), notice).unwrap();
        sink.push(b"one\n", Haste::None);
        assert_eq!(heard.recv_timeout(Duration::from_secs(10)).unwrap(), b"one\n");
    }

    #[test]
    fn what_cannot_be_written_is_told_once_and_counted_when_there_is_room_again() {
        static TOLD: AtomicU64 = AtomicU64::new(0);
        let disk = Disk { kept: Kept::default(), room: Arc::new(AtomicUsize::new(6)) };
        let tell = |trouble: Trouble<'_>| match trouble {
            Trouble::Begins(_) => drop(TOLD.fetch_add(1, Ordering::Relaxed)),
            Trouble::Lost(lines) => assert_eq!(lines, 2),
        };
        let sink = Sink::start_telling("test", disk.clone(), notice, tell).unwrap();
        for line in [b"one\n", b"two\n", b"six\n"] {
            sink.push(line, Haste::Now);
            sink.flush();
        }
        assert_eq!((disk.kept.text().as_str(), TOLD.load(Ordering::Relaxed)), ("one\ntw", 1));
        // The line that says so is torn as well.
        disk.room.store(8, Ordering::Relaxed);
        sink.push(b"ten\n", Haste::Now);
        sink.flush();
        assert_eq!((disk.kept.text().as_str(), TOLD.load(Ordering::Relaxed)), ("one\ntw\nten\nlos", 2));
        disk.room.store(1000, Ordering::Relaxed);
        sink.push(b"end\n", Haste::Now);
        sink.flush();
        assert_eq!(disk.kept.text(), "one\ntw\nten\nlos\nend\nlost 2\n", "a torn line ends before the next one begins");
        disk.room.store(0, Ordering::Relaxed);
        sink.push(b"off\n", Haste::Now);
        sink.flush();
        assert_eq!(TOLD.load(Ordering::Relaxed), 3);
    }

    /// Has room for so many bytes.
    #[derive(Debug, Clone)]
    struct Disk {
        kept: Kept,
        room: Arc<AtomicUsize>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let fits = bytes.len().min(self.room.load(Ordering::Relaxed));
            if fits == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room.fetch_sub(fits, Ordering::Relaxed);
            self.kept.write(&bytes[..fits])
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_queue_loses_lines_and_says_so() {
        let (go, gone) = mpsc::channel();
        let kept = Kept::default();
        let sink = Sink::start("test", Held(gone, kept.clone()), notice).unwrap();
        sink.push(b"first\n", Haste::Now);
        let line = [b'x'; 1024];
        for _ in 0..2 * MOST_BYTES / line.len() {
            sink.push(&line, Haste::None);
        }
        drop(go);
        sink.flush();
        sink.flush();
        let text = kept.text();
        // Said once, or twice where the thread was late to take the first line.
        let said = text.split("lost ").skip(1).map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap());
        let lost: u64 = said.map(|number| number.parse::<u64>().unwrap()).sum();
        assert!(lost > 0);
        let written = text.matches('x').count() / line.len();
        assert_eq!(u64::try_from(written).unwrap() + lost, u64::try_from(2 * MOST_BYTES / line.len()).unwrap());
    }

    struct Told(mpsc::Sender<Vec<u8>>);

    impl Write for Told {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A terminal that somebody stopped, until the other end is dropped.
    struct Held(mpsc::Receiver<()>, Kept);

    impl Write for Held {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            self.1.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
