//! Letters and how they leave: a bounded queue, sent in the background, so that no answer waits for a mail server.
mod letter;
mod post;
mod settings;

pub(crate) use letter::{Letter, Subject};
pub(crate) use post::{LAST_ROUND, Mailer};
pub(crate) use settings::{BadServer, Mailbox, Server, Settings};
