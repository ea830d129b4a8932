//! A network that can fall silent: bytes are passed on, or held without a word while both sides stay connected.
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Stands before a port of this machine until the test ends.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) port: u16,
    silent: Arc<AtomicBool>,
}

impl Relay {
    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Self { port: listener.local_addr().unwrap().port(), silent: Arc::default() };
        let silent = Arc::clone(&relay.silent);
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let silent = Arc::clone(&silent);
                thread::spawn(move || {
                    wait_while(&silent);
                    let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { return };
                    let back = (far.try_clone().unwrap(), near.try_clone().unwrap(), Arc::clone(&silent));
                    thread::spawn(move || pass(back.0, back.1, &back.2));
                    pass(near, far, &silent);
                });
            }
        });
        relay
    }

    /// From now on nothing gets through, and nobody is told; what was held comes through when it is over.
    pub(crate) fn is_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::SeqCst);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, silent: &AtomicBool) {
    let mut piece = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        wait_while(silent);
        if to.write_all(&piece[..read]).is_err() {
            break;
        }
    }
    wait_while(silent);
    drop(to.shutdown(Shutdown::Write));
}

fn wait_while(silent: &AtomicBool) {
    while silent.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(5));
    }
}
