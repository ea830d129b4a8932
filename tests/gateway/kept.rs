//! Kept connections that a backend ends whenever it likes: nobody notices, and nothing that may do harm is sent twice.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::support::{Gateway, Reply, Site, Upstream, Wire};

/// What the backend did with each request, by its path: how often it was read, how often it was answered.
type Book = Arc<Mutex<BTreeMap<String, (u32, u32)>>>;

#[test]
fn two_thousand_requests_over_connections_that_end_at_any_moment() {
    let book = Book::default();
    let upstream = moody(&book);
    let gateway =
        Site::new().route(&format!("prefix = \"/\"\nupstream = \"{}\"\nauth = \"none\"", upstream.url())).start();
    let lost = thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|client| {
                let gateway = &gateway;
                scope.spawn(move || five_hundred(gateway, client))
            })
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).sum::<u32>()
    });
    let book = book.lock().unwrap();
    assert_eq!(book.keys().filter(|path| path.starts_with("/get")).count(), 1000);
    for (path, (read, answered)) in book.iter() {
        assert!(*answered <= 1 && (path.starts_with("/get") || *read <= 1), "{path}: read {read}, answered {answered}");
    }
    // A POST that was sent when the backend left may have been done: only that is told..
    assert!(lost < 500, "{lost} of 1000 were lost");
    assert!(upstream.connections() > 100, "{} connections: it ended too few", upstream.connections());
}

/// GET and POST in turn over one connection; how many POSTs were lost.
fn five_hundred(gateway: &Gateway, client: usize) -> u32 {
    let mut raw = gateway.raw();
    let mut lost = 0;
    for number in 0..250 {
        raw.send(gateway.get(&format!("/get/{client}/{number}")).bytes());
        assert_eq!(raw.answer().expect("an answer").status, 200, "/get/{client}/{number}: {}", gateway.log_text());
        raw.send(gateway.post(&format!("/post/{client}/{number}")).body("text/plain", "once").bytes());
        match raw.answer().expect("an answer").status {
            200 => {}
            502 => lost += 1,
            other => panic!("/post/{client}/{number}: {other}"),
        }
    }
    lost
}

/// Answers up to five requests on a connection, and ends it then: at once, when it reads the next, or a moment later.
fn moody(book: &Book) -> Upstream {
    let book = Arc::clone(book);
    let turn = Mutex::new(0_u64);
    Upstream::talking(move |wire| {
        let mood = {
            let mut turn = turn.lock().unwrap();
            *turn += 1;
            turn.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
        };
        for _ in 0..=mood % 5 {
            let Some(path) = read_one(wire, &book) else { return };
            book.lock().unwrap().entry(path).or_default().1 += 1;
            if !wire.send(Reply::new("200 OK", "", "ok").bytes) {
                return;
            }
        }
        match mood / 5 % 3 {
            0 => {}
            1 => thread::sleep(Duration::from_micros(mood % 1500)),
            // With something unread the end is a reset.
            _ => drop(wire.has_come(Duration::from_millis(20))),
        }
    })
}

fn read_one(wire: &mut Wire, book: &Book) -> Option<String> {
    let head = wire.head()?;
    let path = head.first.split(' ').nth(1)?.to_owned();
    let length = head.field("content-length").map_or(0, |length| length.parse().unwrap());
    if wire.exactly(length).len() < length {
        return None;
    }
    book.lock().unwrap().entry(path.clone()).or_default().0 += 1;
    Some(path)
}
