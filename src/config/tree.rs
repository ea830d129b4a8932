//! The file as a tree of our own: every value with its place, references followed, variables laid over it.
use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::codes::Code;
use super::environment::{Environment, OVERRIDE, Override};
use super::finding::{Finding, Place, Source};
use super::secrets::{self, Broken, Expanded, Why};
use super::settings::{self, Kind, Setting, Shape};
use super::suggest::nearest;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) place: Place,
    pub(super) node: Node,
}

#[derive(Debug, Clone)]
pub(super) enum Node {
    Text(Text),
    /// As it is written, where it is in base ten.
    Number(String),
    Flag(bool),
    /// A kind that no setting takes: a fraction, a date.
    Other(&'static str),
    List(Vec<Item>),
    Table(Vec<Entry>),
    /// Already complained about: whoever needs it takes the default and says nothing.
    Broken,
}

#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) text: String,
    /// It came from outside: a reference or a variable.
    pub(super) referenced: bool,
    /// As the file writes it, where it has a dollar sign in it.
    pub(super) written: Option<String>,
    /// It is shown as it is written: a file or an attribute is part of it.
    pub(super) private: bool,
    /// Attributes of a person, each before this byte of the text. None but where they may stand.
    pub(super) attributes: Vec<(usize, String)>,
}

impl Text {
    /// A text that nothing stands behind.
    pub(super) fn plain(text: &str) -> Self {
        Self { text: text.to_owned(), referenced: false, written: None, private: false, attributes: Vec::new() }
    }
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_place: Place,
    pub(super) item: Item,
}

impl Item {
    /// As a person would name what stands there.
    pub(super) fn kind(&self) -> &'static str {
        match &self.node {
            Node::Text(_) => "a text",
            Node::Number(_) => "a number",
            Node::Flag(_) => "true or false",
            Node::Other(name) => name,
            Node::List(_) => "a list",
            Node::Table(_) => "a table",
            Node::Broken => "unreadable",
        }
    }
}

/// The text as a tree, with everything that is wrong about its syntax and its references.
pub(super) fn read(source: &Source, environment: &Environment) -> Result<(Vec<Entry>, Vec<Finding>), Vec<Finding>> {
    let (root, slips) = DeTable::parse_recoverable(&source.text);
    if !slips.is_empty() {
        return Err(syntax(&slips, source));
    }
    let mut planter = Planter { source, environment, findings: Vec::new(), path: Vec::new() };
    let mut entries = planter.table(root.get_ref());
    for given in environment.overrides() {
        if let Some(finding) = lay_over(&mut entries, &given) {
            planter.findings.push(finding);
        }
    }
    Ok((entries, planter.findings))
}

/// Can it be read, whatever it says?
pub(super) fn is_toml(text: &str) -> bool {
    DeTable::parse_recoverable(text).1.is_empty()
}

/// Only these sections of it, whatever is wrong elsewhere; `None` where one of them cannot be read for its syntax.
pub(super) fn read_only(
    names: &[&str],
    source: &Source,
    environment: &Environment,
) -> Option<(Vec<Entry>, Vec<Finding>)> {
    let (root, slips) = DeTable::parse_recoverable(&source.text);
    let end = source.text.len();
    let breaks = |slip: &toml::de::Error| names.contains(&source.section_at(slip.span().unwrap_or(end..end).start));
    if slips.iter().any(breaks) {
        return None;
    }
    let mut planter = Planter { source, environment, findings: Vec::new(), path: Vec::new() };
    let asked = root.get_ref().iter().filter(|(key, _)| names.contains(&key.get_ref().as_ref()));
    let mut entries: Vec<_> = asked.map(|(key, value)| planter.entry(key, value)).collect();
    for given in environment.overrides() {
        if given.path.first().is_some_and(|name| names.contains(&name.as_str())) {
            planter.findings.extend(lay_over(&mut entries, &given));
        }
    }
    Some((entries, planter.findings))
}

/// One finding for each line: what follows a slip in its line follows from it. What was never closed explains most.
fn syntax(slips: &[toml::de::Error], source: &Source) -> Vec<Finding> {
    let end = source.text.len();
    let mut lines: BTreeMap<usize, (bool, Finding)> = BTreeMap::new();
    for slip in slips {
        let span = slip.span().unwrap_or(end..end);
        let line = source.position(span.start).0;
        let unclosed = slip.message().starts_with("unclosed");
        if lines.get(&line).is_none_or(|(better, _)| unclosed && !better) {
            lines.insert(line, (unclosed, Finding::new(Code::E001, Place::Span(span), slip.message())));
        }
    }
    lines.into_values().map(|(_, finding)| finding).collect()
}

struct Planter<'a> {
    source: &'a Source,
    environment: &'a Environment,
    findings: Vec<Finding>,
    /// The keys that lead to where it is.
    path: Vec<String>,
}

impl Planter<'_> {
    fn table(&mut self, table: &DeTable<'_>) -> Vec<Entry> {
        let mut entries: Vec<Entry> = table.iter().map(|(key, value)| self.entry(key, value)).collect();
        entries.sort_by_key(|entry| match &entry.key_place {
            Place::Span(span) => span.start,
            Place::Variable(_) | Place::Default => usize::MAX,
        });
        entries
    }

    fn entry(&mut self, key: &Spanned<DeString<'_>>, value: &Spanned<DeValue<'_>>) -> Entry {
        self.path.push(key.get_ref().to_string());
        let item = self.item(value);
        Entry { key: self.path.pop().unwrap_or_default(), key_place: Place::Span(key.span()), item }
    }

    fn item(&mut self, value: &Spanned<DeValue<'_>>) -> Item {
        let span = value.span();
        let node = match value.get_ref() {
            DeValue::String(text) => self.text(text, &span),
            DeValue::Integer(number) if number.radix() == 10 => Node::Number(number.as_str().to_owned()),
            DeValue::Integer(number) => Node::Number(decimal(number)),
            DeValue::Float(_) => Node::Other("a fraction"),
            DeValue::Boolean(flag) => Node::Flag(*flag),
            DeValue::Datetime(_) => Node::Other("a date"),
            DeValue::Array(items) => Node::List(items.iter().map(|item| self.item(item)).collect()),
            DeValue::Table(table) => Node::Table(self.table(table)),
        };
        Item { place: Place::Span(span), node }
    }

    fn is_about_a_person(&self) -> bool {
        matches!(self.path.as_slice(), [tokens, claims, _] if tokens == "tokens" && claims == "claims")
    }

    fn text(&mut self, text: &str, span: &Range<usize>) -> Node {
        match secrets::expand(text, self.environment) {
            Ok(done) if !done.attributes.is_empty() && !self.is_about_a_person() => {
                let place = Place::Span(span.clone());
                self.findings.push(
                    Finding::new(Code::E121, place, "no person's attribute can stand here")
                        .label("`${user.NAME}` is known only when somebody signs in")
                        .say("it may stand in `claims` of `[tokens]`"),
                );
                Node::Broken
            }
            Ok(done) => {
                let written = text.contains('$').then(|| text.to_owned());
                let private = done.from_file || !done.attributes.is_empty();
                let Expanded { text, referenced, attributes, .. } = done;
                Node::Text(Text { text, referenced, written, private, attributes })
            }
            Err(broken) => {
                let findings = broken.iter().map(|broken| reference(broken, self.source, span));
                self.findings.extend(findings);
                Node::Broken
            }
        }
    }
}

/// `0x10` as "16".
fn decimal(number: &toml::de::DeInteger<'_>) -> String {
    i64::from_str_radix(number.as_str(), number.radix())
        .map_or_else(|_| number.as_str().to_owned(), |number| number.to_string())
}

/// A reference that leads nowhere, with a caret under the reference itself.
fn reference(broken: &Broken, source: &Source, span: &Range<usize>) -> Finding {
    let within = source.slice(span).find(&broken.literal).map(|at| {
        let start = span.start + at;
        start..start + broken.literal.len()
    });
    let place = Place::Span(within.unwrap_or_else(|| span.clone()));
    match &broken.why {
        Why::Unset { name, similar } => {
            let cure = match similar {
                Some(similar) => format!("`{similar}` is set: did you mean that one?"),
                None => format!("set it before the start, or give a fallback: `${{{name}:-...}}`"),
            };
            Finding::new(Code::E120, place, format!("environment variable `{name}` is not set"))
                .label("needed here")
                .say(cure)
        }
        Why::Empty { name } => Finding::new(Code::E120, place, format!("environment variable `{name}` is empty"))
            .label("needed here")
            .say("an empty value is taken for a mistake: set it, or give a fallback after `:-`"),
        Why::Malformed => Finding::new(Code::E121, place, "this is no reference")
            .label("`${` is not followed by a name and `}`")
            .say("write `${NAME}`, `${NAME:-fallback}` or `${file:/path}`; a dollar sign as such is `$$`"),
        Why::Nested => Finding::new(Code::E121, place, "a reference holds another one")
            .label("the fallback and the path are taken as they stand")
            .say("write one reference, `${NAME}` or `${NAME:-fallback}`, and let what starts the gateway put the value together"),
        Why::File { path, cause } => Finding::new(Code::E122, place, format!("the file `{path}` cannot be used"))
            .label(cause.clone())
            .say("it must be readable for the user the gateway runs as, UTF-8 and not empty"),
    }
}

/// Puts a variable's value where the file would have it.
fn lay_over(entries: &mut Vec<Entry>, given: &Override<'_>) -> Option<Finding> {
    if given.value.is_empty() {
        let finding = unknown(given, "is empty").say("unset it, or give it a value");
        return Some(finding);
    }
    let path: Vec<&str> = given.path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["upstreams", name] => {
            let table = table_of(entries, "upstreams", given)?;
            let key = name_in(table, name);
            // A table that is there keeps its other settings.
            if let Some(Entry { item: Item { node: Node::Table(table), .. }, .. }) = find(table, &key) {
                put(table, "urls", given);
            } else {
                put(table, &key, given);
            }
            None
        }
        ["upstreams", name, key] => lay_over_upstream(entries, given, name, key),
        [name, key] => lay_over_section(entries, given, name, key),
        [name, table, key] => lay_over_table(entries, given, [name, table, key]),
        _ => Some(unknown(given, "stands for no setting").say("write AUTHGATE__SECTION__KEY")),
    }
}

fn lay_over_section(entries: &mut Vec<Entry>, given: &Override<'_>, name: &str, key: &str) -> Option<Finding> {
    let setting = match setting_of(given, name, key) {
        Ok(setting) => setting,
        Err(finding) => return Some(*finding),
    };
    if !setting.kind.is_single() {
        return Some(not_single(given, setting));
    }
    put(table_of(entries, name, given)?, key, given);
    None
}

/// A single value in a table in braces.
fn lay_over_table(entries: &mut Vec<Entry>, given: &Override<'_>, [name, table, key]: [&str; 3]) -> Option<Finding> {
    let setting = match setting_of(given, name, table) {
        Ok(setting) => setting,
        Err(finding) => return Some(*finding),
    };
    match setting.kind {
        Kind::Table(inner) => match inner.iter().find(|setting| setting.key == key) {
            None => return Some(no_such(given, key, inner.iter().map(|setting| setting.key))),
            Some(setting) if !setting.kind.is_single() => return Some(not_single(given, setting)),
            Some(_) => {}
        },
        Kind::Texts(names) if !names.is_empty() && !names.contains(&key) => {
            return Some(no_such(given, key, names.iter().copied()));
        }
        Kind::Texts(_) | Kind::Hidden => {}
        Kind::List | Kind::Lists => return Some(not_single(given, setting)),
        Kind::Text
        | Kind::Secret
        | Kind::Word(_)
        | Kind::Flag
        | Kind::Count(..)
        | Kind::Duration(..)
        | Kind::Size(..)
        | Kind::Rate
        | Kind::OneOrMore => {
            return Some(unknown(given, &format!("stands for no setting: `{table}` is {}", setting.kind.name())));
        }
    }
    let table = table_of(table_of(entries, name, given)?, table, given)?;
    let key = name_in(table, key);
    put(table, &key, given);
    None
}

fn setting_of(given: &Override<'_>, name: &str, key: &str) -> Result<&'static Setting, Box<Finding>> {
    let Some(section) = settings::section(name) else {
        return Err(Box::new(no_such(given, name, settings::SECTIONS.iter().map(|section| section.name))));
    };
    if section.shape == Shape::List {
        return Err(Box::new(unknown(given, "stands for a list").say("[[routes]] are written in the file")));
    }
    section
        .setting(key)
        .ok_or_else(|| Box::new(no_such(given, key, section.settings.iter().map(|setting| setting.key))))
}

fn not_single(given: &Override<'_>, setting: &Setting) -> Finding {
    let why = format!("cannot be set from outside: `{}` is {}", setting.key, setting.kind.name());
    unknown(given, &why).say("write it in the file; `${NAME}` works inside it")
}

fn lay_over_upstream(entries: &mut Vec<Entry>, given: &Override<'_>, name: &str, key: &str) -> Option<Finding> {
    let section = settings::section("upstreams")?;
    let Some(setting) = section.setting(key) else {
        return Some(no_such(given, key, section.settings.iter().map(|setting| setting.key)));
    };
    let upstreams = table_of(entries, "upstreams", given)?;
    let name = name_in(upstreams, name);
    // `app = "URL"` becomes a table with that URL, so that the other key finds its place.
    if let Some(entry) = find(upstreams, &name)
        && matches!(entry.item.node, Node::Text(_))
    {
        let urls = Entry { key: "urls".to_owned(), key_place: entry.key_place.clone(), item: entry.item.clone() };
        entry.item.node = Node::Table(vec![urls]);
    }
    put(table_of(upstreams, &name, given)?, setting.key, given);
    None
}

/// The name as the file writes it: a variable cannot hold lower case or hyphens everywhere.
fn name_in(table: &[Entry], name: &str) -> String {
    let same = |entry: &&Entry| entry.key.to_ascii_lowercase().replace('-', "_") == name;
    table.iter().find(same).map_or_else(|| name.to_owned(), |entry| entry.key.clone())
}

fn find<'a>(entries: &'a mut [Entry], key: &str) -> Option<&'a mut Entry> {
    entries.iter_mut().find(|entry| entry.key == key)
}

/// The table of that name, made when it is not there; nothing when something else stands there.
fn table_of<'a>(entries: &'a mut Vec<Entry>, key: &str, given: &Override<'_>) -> Option<&'a mut Vec<Entry>> {
    let at = entries.iter().position(|entry| entry.key == key).unwrap_or_else(|| {
        let place = Place::Variable(given.name.to_owned());
        let item = Item { place: place.clone(), node: Node::Table(Vec::new()) };
        entries.push(Entry { key: key.to_owned(), key_place: place, item });
        entries.len() - 1
    });
    match entries.get_mut(at).map(|entry| &mut entry.item.node) {
        Some(Node::Table(table)) => Some(table),
        _ => None,
    }
}

fn put(table: &mut Vec<Entry>, key: &str, given: &Override<'_>) {
    let place = Place::Variable(given.name.to_owned());
    let node = Node::Text(Text { referenced: true, ..Text::plain(given.value) });
    table.retain(|entry| entry.key != key);
    table.push(Entry { key: key.to_owned(), key_place: place.clone(), item: Item { place, node } });
}

fn unknown(given: &Override<'_>, why: &str) -> Finding {
    let place = Place::Variable(given.name.to_owned());
    Finding::new(Code::E130, place, format!("environment variable `{}` {why}", given.name))
}

fn no_such<'a>(given: &Override<'_>, word: &str, names: impl Iterator<Item = &'a str>) -> Finding {
    let finding = unknown(given, "stands for no setting");
    match nearest(word, names) {
        Some(name) => {
            let meant: Vec<_> = given.path.iter().map(|part| if part == word { name } else { part }).collect();
            finding.say(format!("did you mean `{OVERRIDE}{}`?", meant.join("__").to_ascii_uppercase()))
        }
        None => finding.say("variables that begin with AUTHGATE__ are settings: AUTHGATE__SECTION__KEY"),
    }
}
