//! A network that can fall silent: bytes are passed on, or held without a word while both sides stay connected.
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Stands before a port of this machine until the test ends.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) port: u16,
    silent: Arc<AtomicBool>,
    /// Connections with a smaller number are silent for good.
    lost: Arc<AtomicUsize>,
    accepted: Arc<AtomicUsize>,
    mood: Arc<AtomicU8>,
}

/// How a network treats what passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Well = 0,
    /// Each piece is late.
    Late = 1,
    /// A few bytes at a time.
    Sliced = 2,
    /// Connections are reset after the first hundred bytes.
    Resets = 3,
    /// Connections are opened and end at once.
    Closes = 4,
    /// What is asked gets through, and connections are reset after the first hundred bytes of what is answered.
    LosesAnswers = 5,
}

impl Relay {
    /// Before the server of a store; and the store's URL by way of it.
    pub(crate) fn before(store: &str) -> (Self, String) {
        let port = port_of(store);
        let relay = Self::to(port);
        let store = store.replace(&format!(":{port}/"), &format!(":{}/", relay.port));
        (relay, store)
    }

    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port_here = listener.local_addr().unwrap().port();
        let relay = Self {
            port: port_here,
            silent: Arc::default(),
            lost: Arc::default(),
            accepted: Arc::default(),
            mood: Arc::default(),
        };
        let accepted = Arc::clone(&relay.accepted);
        let (silent, lost, mood) = (Arc::clone(&relay.silent), Arc::clone(&relay.lost), Arc::clone(&relay.mood));
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let number = accepted.fetch_add(1, Ordering::SeqCst);
                let silent = Silent { all: Arc::clone(&silent), lost: Arc::clone(&lost), number };
                let mood = Arc::clone(&mood);
                thread::spawn(move || {
                    wait_while(&silent);
                    if mood.load(Ordering::SeqCst) == Mood::Closes as u8 {
                        return;
                    }
                    let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { return };
                    let back = (far.try_clone().unwrap(), near.try_clone().unwrap());
                    let (still, moody) = (silent.clone(), Arc::clone(&mood));
                    thread::spawn(move || pass(back.0, back.1, &still, &moody, Mood::LosesAnswers));
                    pass(near, far, &silent, &mood, Mood::Resets);
                });
            }
        });
        relay
    }

    /// From now on nothing gets through, and nobody is told; what was held comes through when it is over.
    pub(crate) fn is_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::SeqCst);
    }

    /// What is connected now hears nothing more, ever, and is not told; who comes later is let through.
    pub(crate) fn loses_whoever_is_connected(&self) {
        self.lost.store(self.accepted.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// From now on, also for connections that are open.
    pub(crate) fn is(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::SeqCst);
    }
}

/// The port in the URL of a store.
pub(crate) fn port_of(store: &str) -> u16 {
    store.rsplit(':').next().and_then(|rest| rest.split('/').next()).unwrap().parse().unwrap()
}

/// Resets in the mood of resets, and in the mood of its direction.
fn pass(mut from: TcpStream, mut to: TcpStream, silent: &Silent, mood: &AtomicU8, own: Mood) {
    let mut piece = [0; 16 * 1024];
    let mut passed = 0;
    while let Ok(read @ 1..) = from.read(&mut piece) {
        wait_while(silent);
        let moved = match mood.load(Ordering::SeqCst) {
            mood if mood == Mood::Late as u8 => {
                thread::sleep(Duration::from_millis(60));
                to.write_all(&piece[..read])
            }
            mood if mood == Mood::Sliced as u8 => piece[..read].chunks(7).try_for_each(|slice| {
                thread::sleep(Duration::from_micros(200));
                to.write_all(slice)
            }),
            mood if (mood == Mood::Resets as u8 || mood == own as u8) && passed + read > 100 => {
                drop(to.write_all(&piece[..read.min(100)]));
                for end in [&from, &to] {
                    drop(socket2::SockRef::from(end).set_linger(Some(Duration::ZERO)));
                }
                // The other direction holds both as well.
                drop((from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both)));
                return;
            }
            _ => to.write_all(&piece[..read]),
        };
        if moved.is_err() {
            break;
        }
        passed += read;
    }
    wait_while(silent);
    drop(to.shutdown(Shutdown::Write));
}

fn wait_while(silent: &Silent) {
    while silent.all.load(Ordering::SeqCst) || silent.number < silent.lost.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether one connection is.
#[derive(Debug, Clone)]
struct Silent {
    all: Arc<AtomicBool>,
    lost: Arc<AtomicUsize>,
    number: usize,
}
