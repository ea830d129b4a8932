//! What is in force and where it came from, for `check --show`.
use std::borrow::Cow;
use std::fmt;

use super::finding::{Place, Source};
use super::mask::{HIDDEN, hidden, is_secret_key, without_password};
use super::secrets::references;
use super::settings::{Kind, Setting};
use super::tree::{Entry, Item, Node};
use super::value::quoted;

/// One setting in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Effective {
    /// `[server]`, `[[routes]]`
    pub(crate) section: String,
    /// Which table of that name, and which inside it: the lines of one table have one number.
    pub(crate) table: (usize, usize),
    pub(crate) key: String,
    /// As TOML; a secret as `"***"`.
    pub(crate) value: String,
    pub(crate) origin: Origin,
    /// Of a secret: what may be told about it.
    pub(crate) about: Option<About>,
}

/// A secret by what stands around it: where it came from, how long it is, and white space that nobody sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct About {
    /// `${file:/run/secrets/database}`
    from: String,
    bytes: usize,
    edge: Option<&'static str>,
}

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    File { name: String, line: usize },
    Variable(String),
    Default,
}

impl Effective {
    pub(super) fn new(section: String, table: (usize, usize), setting: &Setting, item: &Item, source: &Source) -> Self {
        let is_secret = matches!(setting.kind, Kind::Secret);
        let value = if is_secret {
            quoted(HIDDEN)
        } else if matches!(setting.kind, Kind::Hidden) {
            write_hidden(item)
        } else {
            bare_value(item, setting).unwrap_or_else(|| write(item))
        };
        let about = is_secret.then(|| About::of(item, source)).flatten();
        Self { section, table, key: setting.key.to_owned(), value, origin: Origin::of(item, source), about }
    }

    /// An upstream that is a URL and nothing more.
    pub(super) fn upstream(entry: &Entry, source: &Source) -> Self {
        let origin = Origin::of(&entry.item, source);
        Self {
            section: "[upstreams]".to_owned(),
            table: (0, 0),
            key: bare(&entry.key),
            value: write(&entry.item),
            origin,
            about: None,
        }
    }
}

impl About {
    fn of(item: &Item, source: &Source) -> Option<Self> {
        let Node::Text(text) = &item.node else { return None };
        let references = match &item.place {
            Place::Span(span) => references(source.slice(span)),
            Place::Variable(_) | Place::Default => String::new(),
        };
        let from = if references.is_empty() { Origin::of(item, source).to_string() } else { references };
        Some(Self { from, bytes: text.text.len(), edge: edge(&text.text) })
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = if self.bytes == 1 { "1 byte".to_owned() } else { format!("{} bytes", self.bytes) };
        write!(f, "{}, {bytes}", self.from)?;
        self.edge.map_or(Ok(()), |edge| write!(f, ", {edge}"))
    }
}

fn edge(text: &str) -> Option<&'static str> {
    let (first, last) = (text.chars().next()?, text.chars().next_back()?);
    match (first.is_whitespace(), last) {
        (_, '\n' | '\r') => Some("ends with a line break"),
        (_, ' ') => Some("ends with a space"),
        (_, last) if last.is_whitespace() => Some("ends with white space"),
        (true, _) => Some("begins with white space"),
        (false, _) => None,
    }
}

impl Origin {
    fn of(item: &Item, source: &Source) -> Self {
        match &item.place {
            Place::Span(span) => Self::File { name: source.name.to_string(), line: source.position(span.start).0 },
            Place::Variable(name) => Self::Variable(name.clone()),
            Place::Default => Self::Default,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { name, line } => write!(f, "{name}:{line}"),
            Self::Variable(name) => write!(f, "env {name}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A number or a flag that a variable holds, as the file would write it: without quotes.
fn bare_value(item: &Item, setting: &Setting) -> Option<String> {
    let (Node::Text(text), Place::Variable(_)) = (&item.node, &item.place) else { return None };
    if matches!(setting.kind, Kind::Flag) {
        return text.text.parse::<bool>().ok().map(|flag| flag.to_string());
    }
    // TOML knows no zeros before a number.
    let number = matches!(setting.kind, Kind::Count(..)).then(|| text.text.parse::<u64>().ok());
    number.flatten().map(|number| number.to_string())
}

/// An item as TOML. A text that a file is part of is shown with its reference.
fn write(item: &Item) -> String {
    match &item.node {
        Node::Text(text) => quoted(&without_password(&match &text.written {
            Some(written) if text.private => Cow::Borrowed(written.as_str()),
            _ => literal(&text.text),
        })),
        Node::Number(digits) => digits.clone(),
        Node::Flag(flag) => flag.to_string(),
        Node::List(items) => format!("[{}]", items.iter().map(write).collect::<Vec<_>>().join(", ")),
        Node::Table(entries) => in_braces(entries, write_named),
        Node::Other(_) | Node::Broken => String::new(),
    }
}

/// A text that is no reference: one that looks like it has its dollar signs doubled.
fn literal(text: &str) -> Cow<'_, str> {
    if text.contains("${") || text.contains("$$") { text.replace('$', "$$").into() } else { text.into() }
}

/// A table of texts of which only references are shown.
fn write_hidden(item: &Item) -> String {
    let Node::Table(entries) = &item.node else { return String::new() };
    in_braces(entries, |entry| {
        let Node::Text(text) = &entry.item.node else { return quoted(HIDDEN) };
        quoted(&hidden(text.written.as_ref().unwrap_or(&text.text)))
    })
}

fn in_braces(entries: &[Entry], value: impl Fn(&Entry) -> String) -> String {
    let entries: Vec<_> = entries.iter().map(|entry| format!("{} = {}", bare(&entry.key), value(entry))).collect();
    format!("{{ {} }}", entries.join(", "))
}

/// A name that is the operator's may be a secret's, such as that of a header with a password in it.
fn write_named(entry: &Entry) -> String {
    if is_secret_key(&entry.key) { quoted(HIDDEN) } else { write(&entry.item) }
}

/// A key with quotes where it needs them.
fn bare(key: &str) -> String {
    let plain = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if plain { key.to_owned() } else { quoted(key) }
}
