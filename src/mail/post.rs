//! The queue, and the one task that empties it.
use std::collections::VecDeque;
use std::time::Duration;

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::{Letter, Settings};
use crate::base::random_bytes;
use crate::observe::Chain;

/// Takes letters and never waits. Cheap to clone; when the last clone is gone, the round ends once its letters have left.
#[derive(Debug, Clone)]
pub(crate) struct Mailer {
    queue: mpsc::Sender<Letter>,
    delivers: bool,
}

impl Mailer {
    /// A mailer, and the round that somebody has to run.
    pub(crate) fn new(settings: &Settings) -> (Self, Round) {
        let (sender, queue) = mpsc::channel(MOST);
        let mailer = Self { queue: sender, delivers: settings.server.is_some() };
        (mailer, Round { queue, waiting: VecDeque::new(), in_hand: 0, settings: settings.clone() })
    }

    /// Puts a letter into the queue. When that takes no more the letter is lost, and the log says why; whether it was taken.
    pub(crate) fn send(&self, letter: Letter) -> bool {
        match self.queue.try_send(letter) {
            Ok(()) => return true,
            Err(TrySendError::Full(_)) => {
                tracing::error!("a mail was dropped: {MOST} are waiting for the server of [mail]");
            }
            Err(TrySendError::Closed(_)) => tracing::error!("a mail was dropped: the gateway has stopped sending"),
        }
        false
    }

    /// Whether letters reach people, and not the log alone.
    pub(crate) fn delivers(&self) -> bool {
        self.delivers
    }

    /// One whose letters a test reads.
    #[cfg(test)]
    pub(crate) fn read_by_a_test() -> (Self, mpsc::Receiver<Letter>) {
        let (sender, queue) = mpsc::channel(MOST);
        (Self { queue: sender, delivers: true }, queue)
    }
}

/// The one who carries letters out.
#[derive(Debug)]
pub(crate) struct Round {
    queue: mpsc::Receiver<Letter>,
    /// Those that the server did not take, in the order of their next attempt.
    waiting: VecDeque<Waiting>,
    /// One while an attempt is under way.
    in_hand: usize,
    settings: Settings,
}

#[derive(Debug)]
struct Waiting {
    letter: Letter,
    attempts: usize,
    due: Instant,
}

impl Round {
    /// Until nobody sends any more, or the gateway stops: then each letter that is there gets one more attempt, in [`LAST_ROUND`]
    /// altogether.
    pub(crate) async fn run(mut self, stopping: CancellationToken) {
        let Some(server) = self.settings.server.clone() else { return self.write_to_log(stopping).await };
        let way = match server.transport(self.settings.from.domain(), PATIENCE) {
            Ok(way) => way,
            Err(error) => return tracing::error!(error = %Chain(&error), "mail cannot be sent: no TLS"),
        };
        let last_round_is_over = async {
            stopping.cancelled().await;
            sleep(LAST_ROUND).await;
        };
        tokio::select! {
            () = self.all(&way, &stopping) => {}
            () = last_round_is_over => tracing::error!(
                lost = self.in_hand + self.waiting.len() + self.queue.len(),
                "the gateway stops and the mail server is slow: mails are lost"
            ),
        }
    }

    async fn all(&mut self, way: &AsyncSmtpTransport<Tokio1Executor>, stopping: &CancellationToken) {
        loop {
            let due = self.waiting.front().map(|waiting| waiting.due);
            tokio::select! {
                () = stopping.cancelled() => break,
                letter = self.queue.recv() => match letter {
                    Some(letter) => self.attempt(way, letter, 0).await,
                    None => break,
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    if let Some(Waiting { letter, attempts, .. }) = self.waiting.pop_front() {
                        self.attempt(way, letter, attempts).await;
                    }
                }
            }
        }
        self.queue.close();
        while let Ok(letter) = self.queue.try_recv() {
            self.attempt(way, letter, PAUSES.len()).await;
        }
        while let Some(Waiting { letter, .. }) = self.waiting.pop_front() {
            self.attempt(way, letter, PAUSES.len()).await;
        }
    }

    async fn attempt(&mut self, way: &AsyncSmtpTransport<Tokio1Executor>, letter: Letter, attempts: usize) {
        let Some(message) = self.message(&letter) else {
            return tracing::error!(to = letter.to.as_str(), "a mail could not be written");
        };
        self.in_hand = 1;
        let sent = timeout(PATIENCE, way.send(message)).await;
        self.in_hand = 0;
        let (why, is_over) = match sent {
            Ok(Ok(_)) => return tracing::debug!(to = letter.to.as_str(), subject = letter.subject, "mail sent"),
            Ok(Err(error)) => (Chain(&error).to_string(), error.is_permanent()),
            Err(_) => ("no answer in time".to_owned(), false),
        };
        match PAUSES.get(attempts) {
            Some(pause) if !is_over && self.waiting.len() < MOST => {
                tracing::warn!(
                    to = letter.to.as_str(),
                    error = why,
                    "the mail server did not take a mail; it will be tried again"
                );
                let due = Instant::now() + *pause;
                let place = self.waiting.partition_point(|waiting| waiting.due <= due);
                self.waiting.insert(place, Waiting { letter, attempts: attempts + 1, due });
            }
            _ => tracing::error!(to = letter.to.as_str(), error = why, "a mail could not be sent and is given up"),
        }
    }

    fn message(&self, letter: &Letter) -> Option<Message> {
        let from = &self.settings.from;
        let id: String = random_bytes::<16>().iter().map(|byte| format!("{byte:02x}")).collect();
        let mut message = Message::builder()
            .from(from.0.clone())
            .to(letter.to.as_str().parse().ok()?)
            .subject(letter.subject.as_str())
            .message_id(Some(format!("<{id}@{}>", from.domain())))
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.expose().to_owned())
            .ok()?;
        // RFC 3834, section 5: so that nobody's absence note answers.
        let name = HeaderName::new_from_ascii_str("Auto-Submitted");
        message.headers_mut().insert_raw(HeaderValue::new(name, "auto-generated".to_owned()));
        Some(message)
    }

    async fn write_to_log(mut self, stopping: CancellationToken) {
        while let Some(Some(letter)) = stopping.run_until_cancelled(self.queue.recv()).await {
            write_down(&letter);
        }
        while let Ok(letter) = self.queue.try_recv() {
            write_down(&letter);
        }
    }
}

fn write_down(letter: &Letter) {
    let text = letter.text.expose();
    tracing::warn!(
        to = letter.to.as_str(),
        subject = letter.subject,
        text,
        "mail, written here because [mail] names no server"
    );
}

/// Letters that may wait, each some hundred bytes.
const MOST: usize = 1000;
/// For one attempt, from the name being looked up to the last answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// For the attempt that is under way when the gateway stops, and one more for each letter that is left.
pub(crate) const LAST_ROUND: Duration = Duration::from_secs(10);
/// Before the second attempt, the third, and so on: a link is good for an hour.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(300),
    Duration::from_secs(900),
];
