//! A recorder upstream: raw TCP, keeps the exact bytes of each connection and says what it saw.
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::wire::{Head, Unsaid, Wire};

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<String>,
    /// The body came to its end.
    pub(crate) whole: bool,
    /// Which connection it came on, counted from 0.
    pub(crate) connection: usize,
}

impl Seen {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.field(name)
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.head.all(name)
    }

    /// Every value of every field whose name is the same once everything but letters and digits is read as `_`.
    pub(crate) fn folded(&self, name: &str) -> Vec<&str> {
        let wanted = fold(name);
        self.head.fields.iter().filter(|(key, _)| fold(key) == wanted).map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

pub(crate) fn fold(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

/// What a backend says to a WebSocket's key (RFC 6455, section 4.2.2).
pub(crate) fn accept_of(key: &str) -> String {
    let together = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, together.as_bytes()))
}

/// What the upstream answers.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) bytes: Vec<u8>,
    pub(crate) close: bool,
}

impl Reply {
    /// A status, further fields ("Name: value\r\n" each) and a body with its length.
    pub(crate) fn new(status: &str, fields: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let mut bytes =
            format!("HTTP/1.1 {status}\r\nX-Upstream: recorder\r\nContent-Length: {}\r\n{fields}\r\n", body.len())
                .into_bytes();
        bytes.extend_from_slice(body);
        Self { bytes, close: false }
    }

    /// Exactly these bytes, then the connection is closed.
    pub(crate) fn bytes(bytes: impl AsRef<[u8]>) -> Self {
        Self { bytes: bytes.as_ref().to_vec(), close: true }
    }

    fn telling(seen: &Seen) -> Self {
        let body = json!({
            "method": seen.method,
            "target": seen.target,
            "fields": seen.head.fields,
            "body": String::from_utf8_lossy(&seen.body),
            "body_length": seen.body.len(),
        });
        Self::new("200 OK", "Content-Type: application/json\r\n", body.to_string())
    }
}

#[derive(Debug, Default)]
struct Book {
    seen: Mutex<Vec<Seen>>,
    connections: Mutex<Vec<Arc<Mutex<Vec<u8>>>>>,
}

/// Listens until it is dropped.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) port: u16,
    book: Arc<Book>,
}

impl Upstream {
    /// Answers 200 with a JSON of what it saw.
    pub(crate) fn start() -> Self {
        Self::answering(Reply::telling)
    }

    /// Answers as `reply` says.
    pub(crate) fn answering(reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::serve(move |mut wire, connection, book| {
            while let Some(seen) = next_request(&mut wire, connection) {
                let reply = reply(&seen);
                let whole = seen.whole;
                book.seen.lock().unwrap().push(seen);
                if !wire.send(&reply.bytes) || reply.close || !whole {
                    return;
                }
            }
        })
    }

    /// Each connection is handed to `talk` as it is; nothing is parsed and only bytes are kept.
    pub(crate) fn talking(talk: impl Fn(&mut Wire) + Send + Sync + 'static) -> Self {
        Self::serve(move |mut wire, _, _| talk(&mut wire))
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What was asked, oldest first, without the questions whether the gateway is alive.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        let seen = self.book.seen.lock().unwrap();
        seen.iter().filter(|seen| seen.target != ALIVE).cloned().collect()
    }

    /// The only request there was since `before` of them.
    #[track_caller]
    pub(crate) fn only(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "the upstream saw: {seen:#?}");
        seen.into_iter().next().unwrap()
    }

    #[track_caller]
    pub(crate) fn last(&self) -> Seen {
        self.seen().pop().expect("the upstream saw a request")
    }

    pub(crate) fn forget(&self) {
        self.book.seen.lock().unwrap().clear();
    }

    /// Every byte that came, connection by connection.
    pub(crate) fn bytes(&self) -> Vec<Vec<u8>> {
        self.book.connections.lock().unwrap().iter().map(|record| record.lock().unwrap().clone()).collect()
    }

    pub(crate) fn connections(&self) -> usize {
        self.book.connections.lock().unwrap().len()
    }

    fn serve(each: impl Fn(Wire, usize, &Book) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let book = Arc::new(Book::default());
        let (shared, each) = (Arc::clone(&book), Arc::new(each));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { continue };
                let wire = Wire::new(stream);
                let mut connections = shared.connections.lock().unwrap();
                let connection = connections.len();
                connections.push(wire.record());
                let (book, each) = (Arc::clone(&shared), Arc::clone(&each));
                thread::spawn(move || each(wire, connection, &book));
            }
        });
        Self { port, book }
    }
}

/// Asked by `Gateway::is_alive`; left out of what the upstream saw.
pub(crate) const ALIVE: &str = "/pub/alive";

fn next_request(wire: &mut Wire, connection: usize) -> Option<Seen> {
    let head = wire.head()?;
    let mut words = head.first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let payload = wire.payload(&head, Unsaid::NoBody);
    let (body, trailers, whole) = (payload.bytes, payload.trailers, payload.whole);
    Some(Seen { method, target, head, body, trailers, whole, connection })
}
