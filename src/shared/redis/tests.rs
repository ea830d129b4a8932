use std::io::Write as _;

use super::*;
use crate::base::{SessionId, Timestamp};
use crate::servers::{Kind, Server};
use crate::store::Revocation;

struct Node {
    redis: Arc<Redis>,
    revocations: Arc<Revocations>,
    stop: CancellationToken,
}

impl Node {
    fn at(url: &str) -> Self {
        let redis = Redis::at(&RedisAddress::parse(url).unwrap()).unwrap();
        let (tell, outbox) = mpsc::channel(8);
        let (revocations, stop) = (Arc::new(Revocations::telling(tell)), CancellationToken::new());
        drop(tokio::spawn(Arc::clone(&redis).follow(outbox, Arc::clone(&revocations), stop.clone())));
        Self { redis, revocations, stop }
    }

    async fn take(&self) -> Taken {
        let bucket = Bucket { key: "authgate:test".to_owned(), every: AGAIN, full_in: CONNECT * 60 };
        self.redis.take(&[bucket]).await
    }

    async fn until_here(&self) {
        until(|| self.redis.is_here()).await;
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn until(done: impl Fn() -> bool) {
    let looking = async {
        while !done() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(20), looking).await.expect("it does not come about");
}

#[tokio::test]
async fn what_one_node_revokes_the_others_hear_without_a_store() {
    let Some(server) = Server::start(Kind::Redis) else { return };
    let url = server.database("0");
    let (here, there) = (Node::at(&url), Node::at(&url));
    let elsewhere = Node::at(&url.replace("/0", "/1"));
    for node in [&here, &there, &elsewhere] {
        node.until_here().await;
    }
    let now = Timestamp::from_seconds(1_790_000_000);
    let ended = |session| Revocation { session, not_before: Revocation::FOR_EVER, expires_at: now };
    let sessions: Vec<_> = (0..3).map(|_| SessionId::new(now)).collect();
    for &session in &sessions {
        here.revocations.announce(&[ended(session)]);
        assert!(here.revocations.is_revoked(session, now));
    }
    until(|| sessions.iter().all(|&session| there.revocations.is_revoked(session, now))).await;
    assert!(!sessions.iter().any(|&session| elsewhere.revocations.is_revoked(session, now)), "another database");
}

#[tokio::test]
async fn while_it_is_away_nobody_waits_and_when_it_is_back_it_is_found() {
    let Some(mut server) = Server::start(Kind::Redis) else { return };
    let node = Node::at(&server.database("0"));
    node.until_here().await;
    assert_eq!(node.take().await, Taken::All);
    for _ in 0..2 {
        server.stop();
        until(|| !node.redis.is_here()).await;
        let begun = tokio::time::Instant::now();
        for _ in 0..1000 {
            assert_eq!(node.take().await, Taken::Away);
        }
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
        server.run();
        node.until_here().await;
        assert_eq!(node.take().await, Taken::All);
    }
}

#[tokio::test]
async fn of_a_server_that_hangs_only_the_first_waits_and_not_for_long() {
    let Some(server) = Server::start(Kind::Redis) else { return };
    let url = server.database("0");
    let node = Node::at(&url);
    node.until_here().await;
    let place = url.trim_start_matches("redis://").trim_end_matches("/0");
    let mut operator = std::net::TcpStream::connect(place).unwrap();
    operator.write_all(b"CLIENT PAUSE 2000 ALL\r\n").unwrap();
    std::io::Read::read_exact(&mut operator, &mut [0; 5]).unwrap();
    let begun = tokio::time::Instant::now();
    for _ in 0..100 {
        assert_eq!(node.take().await, Taken::Away);
    }
    assert!(begun.elapsed() < PATIENCE * 3, "{:?}", begun.elapsed());
    node.until_here().await;
    assert_eq!(node.take().await, Taken::All);
}

#[tokio::test]
async fn a_server_that_cannot_count_is_away() {
    let Some(server) = Server::start(Kind::Redis) else { return };
    let url = server.database("0");
    let mut operator = std::net::TcpStream::connect(url.trim_start_matches("redis://").trim_end_matches("/0")).unwrap();
    operator.write_all(b"REPLICAOF 127.0.0.1 1\r\n").unwrap();
    std::io::Read::read_exact(&mut operator, &mut [0; 5]).unwrap();
    let node = Node::at(&url);
    let (heard, _inbox) = mpsc::channel(1);
    assert!(matches!(node.redis.connect(heard).await, Err(Away::Refused(_))), "a replica may not be written to");
    operator.write_all(b"REPLICAOF NO ONE\r\n").unwrap();
    node.until_here().await;
}
