//! One TCP connection that is read as HTTP/1.1 and remembers every byte it was sent.
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A first line, and fields in the order and spelling they came in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Head {
    pub(crate) first: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Head {
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    fn is_chunked(&self) -> bool {
        self.field("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
    }

    fn length(&self) -> Option<usize> {
        self.field("content-length").and_then(|length| length.parse().ok())
    }
}

/// How the end of a body is found when the head does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsaid {
    /// A request has no body then.
    NoBody,
    /// An answer goes on until the connection closes.
    UntilClose,
}

/// A body as it was meant, and whether it came to its end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Payload {
    pub(crate) bytes: Vec<u8>,
    pub(crate) trailers: Vec<String>,
    pub(crate) whole: bool,
}

#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) stream: TcpStream,
    unread: Vec<u8>,
    record: Arc<Mutex<Vec<u8>>>,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
        Self { stream, unread: Vec::new(), record: Arc::default() }
    }

    pub(crate) fn record(&self) -> Arc<Mutex<Vec<u8>>> {
        Arc::clone(&self.record)
    }

    /// Writes; a peer that is gone is noticed when its answer is read.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Reads what there is; 0 at the end.
    pub(crate) fn fill(&mut self) -> io::Result<usize> {
        let mut piece = [0_u8; 16 * 1024];
        let read = self.stream.read(&mut piece)?;
        self.unread.extend_from_slice(&piece[..read]);
        self.record.lock().unwrap().extend_from_slice(&piece[..read]);
        Ok(read)
    }

    /// What came and was not taken yet.
    pub(crate) fn take_unread(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.unread)
    }

    /// Sends back what comes until somebody has enough.
    pub(crate) fn echo(&mut self) {
        loop {
            let came = self.take_unread();
            if !self.send(&came) || (came.is_empty() && self.fill().unwrap_or(0) == 0) {
                return;
            }
        }
    }

    /// Waits until `needle` has come, whatever it is part of; false when the connection ended first.
    pub(crate) fn wait_for(&mut self, needle: &[u8]) -> bool {
        while !self.unread.windows(needle.len()).any(|window| window == needle) {
            if self.fill().unwrap_or(0) == 0 {
                return false;
            }
        }
        true
    }

    /// True when the other side has ended the connection within `wait`; what it still sent is kept.
    pub(crate) fn ends_within(&mut self, wait: Duration) -> bool {
        let begun = std::time::Instant::now();
        while let Some(left) = wait.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
            self.stream.set_read_timeout(Some(left)).unwrap();
            match self.fill() {
                Ok(0) => return true,
                Err(error) if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return true,
                Ok(_) | Err(_) => {}
            }
        }
        false
    }

    /// Whether anything came within `wait`; it is kept.
    pub(crate) fn has_come(&mut self, wait: Duration) -> bool {
        let usual = self.stream.read_timeout().unwrap();
        self.stream.set_read_timeout(Some(wait)).unwrap();
        let came = self.fill();
        self.stream.set_read_timeout(usual).unwrap();
        !self.unread.is_empty() || came.is_ok()
    }

    /// A whole head, or `None` when the connection ended before one came.
    pub(crate) fn head(&mut self) -> Option<Head> {
        let end = self.until_sequence(b"\r\n\r\n")?;
        let text = String::from_utf8_lossy(&end).into_owned();
        let mut lines = text.trim_end_matches("\r\n").split("\r\n");
        let first = lines.next()?.to_owned();
        let fields = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim_matches([' ', '\t']).to_owned()))
            .collect();
        Some(Head { first, fields })
    }

    pub(crate) fn payload(&mut self, head: &Head, unsaid: Unsaid) -> Payload {
        if head.is_chunked() {
            self.chunks()
        } else if let Some(length) = head.length() {
            let bytes = self.exactly(length);
            Payload { whole: bytes.len() == length, bytes, trailers: Vec::new() }
        } else if unsaid == Unsaid::UntilClose {
            let whole = loop {
                match self.fill() {
                    Ok(0) => break true,
                    Ok(_) => {}
                    Err(_) => break false,
                }
            };
            Payload { bytes: self.take_unread(), trailers: Vec::new(), whole }
        } else {
            Payload { whole: true, ..Payload::default() }
        }
    }

    fn chunks(&mut self) -> Payload {
        let mut payload = Payload::default();
        while let Some(line) = self.until_sequence(b"\r\n") {
            let line = String::from_utf8_lossy(&line).into_owned();
            let size = line.trim_end().split(';').next().unwrap_or_default().to_owned();
            let Ok(size) = usize::from_str_radix(&size, 16) else { return payload };
            if size == 0 {
                payload.trailers = self.trailers();
                payload.whole = true;
                return payload;
            }
            let bytes = self.exactly(size + 2);
            if bytes.len() < size + 2 {
                payload.bytes.extend_from_slice(&bytes[..bytes.len().min(size)]);
                return payload;
            }
            payload.bytes.extend_from_slice(&bytes[..size]);
        }
        payload
    }

    fn trailers(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.until_sequence(b"\r\n") {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
        lines
    }

    /// So many bytes, or fewer when the connection ended.
    pub(crate) fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.unread.len() < count && self.fill().unwrap_or(0) > 0 {}
        let rest = self.unread.split_off(count.min(self.unread.len()));
        std::mem::replace(&mut self.unread, rest)
    }

    /// Reads so many bytes and keeps none; false when the connection ended first.
    pub(crate) fn passes_over(&mut self, count: usize) -> bool {
        let mut rest = count.saturating_sub(self.unread.len());
        self.unread.drain(..count.min(self.unread.len()));
        let mut piece = vec![0; 256 * 1024];
        while rest > 0 {
            let most = rest.min(piece.len());
            match self.stream.read(&mut piece[..most]) {
                Ok(read @ 1..) => rest -= read,
                Ok(_) | Err(_) => return false,
            }
        }
        true
    }

    fn until_sequence(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.unread.windows(end.len()).position(|window| window == end) {
                let rest = self.unread.split_off(at + end.len());
                return Some(std::mem::replace(&mut self.unread, rest));
            }
            if self.fill().unwrap_or(0) == 0 {
                return None;
            }
        }
    }
}
