//! The tree → typed values, by the table of settings. Every finding is gathered and none stops the reading.
use std::cell::{Cell, RefCell};

use toml::de::DeValue;

use super::codes::Code;
use super::effective::Effective;
use super::finding::{Finding, Place, Source};
use super::settings::{self, Kind, Section, Setting, Unset};
use super::suggest::nearest;
use super::tree::{Entry, Item, Node, Text};
use super::unknown::{meant_section, no_setting, stray, suggested, unknown_key};
use super::value::Value;

/// Reads one file. What is wrong is gathered inside.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) source: &'a Source,
    root: &'a [Entry],
    findings: RefCell<Vec<Finding>>,
    effective: RefCell<Vec<Effective>>,
    tables: Cell<usize>,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Spot<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// A list of texts, each with its place.
pub(super) type Texts = Vec<Spot<String>>;

/// Names that are the operator's, each with a list.
pub(super) type Lists = Vec<(Spot<String>, Texts)>;

/// One table of the file, or the place where it would be.
#[derive(Debug)]
pub(super) struct Part<'r> {
    reader: &'r Reader<'r>,
    /// `[tokens]`, `[upstreams.app]`, `[[routes]]`: as findings and `--show` call it.
    title: String,
    settings: &'static [Setting],
    entries: &'r [Entry],
    /// Where the table itself stands.
    place: Place,
    /// Keys that a misspelt key was meant for: they are not missed as well.
    meant: Vec<&'static str>,
    /// Tells the tables of one name apart; a table inside another has the other's number, and its own behind it.
    number: (usize, usize),
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a Source, root: &'a [Entry], findings: Vec<Finding>) -> Self {
        Self {
            source,
            root,
            findings: RefCell::new(findings),
            effective: RefCell::new(Vec::new()),
            tables: Cell::new(0),
        }
    }

    pub(super) fn complain(&self, finding: Finding) {
        self.findings.borrow_mut().push(finding);
    }

    /// The findings, and what is in force in the order of the table of settings.
    pub(super) fn done(self) -> (Vec<Finding>, Vec<Effective>) {
        let mut effective = self.effective.into_inner();
        effective.sort_by_key(|one| {
            let name = one.section.trim_matches(['[', ']']).split('.').next().unwrap_or_default();
            (settings::SECTIONS.iter().position(|section| section.name == name), one.table)
        });
        (self.findings.into_inner(), effective)
    }

    /// Writes down an upstream that is a URL and nothing more.
    pub(super) fn note_upstream(&self, entry: &Entry) {
        self.effective.borrow_mut().push(Effective::upstream(entry, self.source));
    }

    /// Looks at the names of sections and of bare keys.
    pub(super) fn check_sections(&self) {
        for entry in self.root.iter().filter(|entry| settings::section(&entry.key).is_none()) {
            self.complain(stray(entry, self.source));
        }
    }

    /// A section that comes once: its table, or an empty one.
    pub(super) fn part(&self, name: &str) -> Part<'_> {
        let section = known(name);
        let title = section.title();
        match self.entry(name).map(|entry| (&entry.item, &entry.item.node)) {
            Some((item, Node::Table(entries))) => self.open(section, title, entries, item.place.clone()),
            Some((item, node)) => {
                if !matches!(node, Node::Broken) {
                    self.complain(
                        Finding::new(Code::E101, item.place.clone(), format!("`{name}` is a section"))
                            .label(format!("this is {}", item.kind()))
                            .say(format!("write the header `[{name}]` once, and its keys below it")),
                    );
                }
                self.open(section, title, &[], Place::Default)
            }
            None => self.open(section, title, &[], Place::Default),
        }
    }

    /// The tables of a section that comes several times: `[[routes]]`.
    pub(super) fn parts(&self, name: &str) -> Vec<Part<'_>> {
        let section = known(name);
        let Some(entry) = self.entry(name) else { return Vec::new() };
        let Node::List(items) = &entry.item.node else {
            self.complain(
                Finding::new(Code::E101, entry.key_place.clone(), format!("`{name}` is a list of tables"))
                    .label(format!("this is {}", entry.item.kind()))
                    .say(format!("write `[[{name}]]` with two brackets above each one")),
            );
            return Vec::new();
        };
        let tables = items.iter().filter_map(|item| {
            if let Node::Table(entries) = &item.node {
                return Some(self.open(section, section.title(), entries, item.place.clone()));
            }
            self.complain(expected(item, name, "a table"));
            None
        });
        tables.collect()
    }

    /// Name and value of what stands in `[upstreams]`.
    pub(super) fn entries(&self, name: &str) -> &'a [Entry] {
        match self.entry(name).map(|entry| &entry.item.node) {
            Some(Node::Table(entries)) => entries,
            _ => &[],
        }
    }

    /// What stands in place of a table, to be complained about.
    pub(super) fn not_a_table(&self, name: &str) -> Option<&'a Item> {
        let item = self.entry(name).map(|entry| &entry.item);
        item.filter(|item| !matches!(item.node, Node::Table(_) | Node::Broken))
    }

    /// Nothing stands there, or a list of nothing.
    pub(super) fn has_none(&self, name: &str) -> bool {
        self.entry(name).is_none_or(|entry| matches!(&entry.item.node, Node::List(items) if items.is_empty()))
    }

    /// Something stands there under a misspelt name, which is complained about.
    pub(super) fn is_misspelt(&self, name: &str) -> bool {
        let is_meant = |entry: &Entry| meant_section(&entry.key).is_some_and(|section| section.name == name);
        self.root.iter().filter(|entry| settings::section(&entry.key).is_none()).any(is_meant)
    }

    fn entry(&self, name: &str) -> Option<&'a Entry> {
        self.root.iter().find(|entry| entry.key == name)
    }

    /// A table with the keys of `section`.
    pub(super) fn open<'r>(
        &'r self,
        section: &'static Section,
        title: String,
        entries: &'r [Entry],
        place: Place,
    ) -> Part<'r> {
        let mut part = Part::new(self, title, section.settings, entries, place);
        for entry in entries.iter().filter(|entry| section.setting(&entry.key).is_none()) {
            let (finding, meant) = unknown_key(entry, section, &part.title);
            part.meant.extend(meant);
            part.complain(finding);
        }
        part
    }

    fn next_number(&self) -> usize {
        let number = self.tables.get() + 1;
        self.tables.set(number);
        number
    }
}

impl<'r> Part<'r> {
    fn new(
        reader: &'r Reader<'r>,
        title: String,
        settings: &'static [Setting],
        entries: &'r [Entry],
        place: Place,
    ) -> Self {
        let number = (reader.next_number(), 0);
        Self { reader, title, settings, entries, place, meant: Vec::new(), number }
    }

    pub(super) fn complain(&self, finding: Finding) {
        self.reader.complain(finding);
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Where the key itself stands.
    pub(super) fn key_place(&self, key: &str) -> Option<&'r Place> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.key_place)
    }

    /// The value that the file or the environment gives.
    pub(super) fn item(&self, key: &str) -> Option<&'r Item> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.item)
    }

    /// The value of a setting that has a default.
    pub(super) fn value<T: Value>(&self, key: &str) -> T {
        self.spot(key).value
    }

    /// The same with its place. What cannot be read is complained about, and the default goes on in its stead.
    pub(super) fn spot<T: Value>(&self, key: &str) -> Spot<T> {
        self.given(key).unwrap_or_else(|| Spot { value: read_default(self.setting(key)), place: Place::Default })
    }

    /// What holds where nothing is said.
    pub(super) fn default_of<T: Value>(&self, key: &str) -> T {
        read_default(self.setting(key))
    }

    /// The value of a setting that may be absent, or is complained about when it may not.
    pub(super) fn given<T: Value>(&self, key: &str) -> Option<Spot<T>> {
        let setting = self.setting(key);
        let Some(item) = self.item(key) else {
            if setting.unset == Unset::Refused && !self.meant.contains(&setting.key) {
                self.complain(
                    Finding::new(Code::E104, self.place.clone(), format!("`{}` has no `{key}`", self.title))
                        .say(format!("add a line such as `{key} = {}`", setting.shown)),
                );
            }
            if setting.unset == Unset::Default {
                self.note(setting, &default_item(setting));
            }
            return None;
        };
        let value = T::read(item, setting, &|finding| self.complain(finding))?;
        self.note(setting, item);
        Some(Spot { value, place: item.place.clone() })
    }

    /// The value that belongs to a word. `words` are all the words of the table.
    pub(super) fn choice<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> T {
        let spot: Spot<String> = self.spot(key);
        let found = words.iter().find(|(word, _)| *word == spot.value).or_else(|| words.first());
        found.map(|(_, value)| *value).expect("a choice has words")
    }

    /// An inline table with keys of its own.
    pub(super) fn inner(&self, key: &str) -> Self {
        let setting = self.setting(key);
        let settings = if let Kind::Table(settings) = setting.kind { settings } else { &[] };
        let (entries, place): (&[Entry], Place) = match self.item(key) {
            Some(Item { node: Node::Table(entries), place }) => (entries, place.clone()),
            Some(Item { node: Node::Broken, .. }) | None => (&[], Place::Default),
            Some(item) => {
                self.complain(expected(item, key, setting.kind.name()));
                (&[], Place::Default)
            }
        };
        let title = format!("[{}.{key}]", self.title.trim_matches(['[', ']']));
        let mut part = Self::new(self.reader, title.clone(), settings, entries, place);
        part.number = (self.number.0, part.number.0);
        if self.item(key).is_some_and(|item| !matches!(item.node, Node::Table(_))) {
            // What stands there in its place was complained about.
            part.meant.extend(settings.iter().map(|setting| setting.key));
        }
        let stray = entries.iter().filter(|entry| !settings.iter().any(|setting| setting.key == entry.key));
        for entry in stray {
            let meant = nearest(&entry.key, settings.iter().map(|setting| setting.key));
            part.complain(suggested(no_setting(entry, &title), entry, meant));
        }
        part
    }

    /// Writes down what is in force, for `check --show`.
    fn note(&self, setting: &Setting, item: &Item) {
        let shown = Effective::new(self.title.clone(), self.number, setting, item, self.reader.source);
        self.reader.effective.borrow_mut().push(shown);
    }

    fn setting(&self, key: &str) -> &'static Setting {
        self.settings.iter().find(|setting| setting.key == key).expect("every key that is read is in the table")
    }
}

/// "`workers` must be a whole number"
pub(super) fn expected(item: &Item, name: &str, kind: &str) -> Finding {
    let finding = Finding::new(Code::E101, item.place.clone(), format!("`{name}` must be {kind}"));
    finding.label(format!("this is {}", item.kind()))
}

/// The default of a setting that has one.
pub(super) fn default_of<T: Value>(section: &str, key: &str) -> T {
    let setting = known(section).setting(key).expect("every key that is read is in the table");
    read_default(setting)
}

fn read_default<T: Value>(setting: &Setting) -> T {
    T::read(&default_item(setting), setting, &|_| {}).expect("the table's defaults are readable: a test reads them all")
}

/// The default as a value that stands nowhere.
pub(super) fn default_item(setting: &Setting) -> Item {
    let value = DeValue::parse(setting.shown).expect("the table's values are TOML: a test parses all");
    plain(value.get_ref())
}

fn plain(value: &DeValue<'_>) -> Item {
    let node = match value {
        DeValue::String(text) => Node::Text(Text::plain(text)),
        DeValue::Integer(number) => Node::Number(number.as_str().to_owned()),
        DeValue::Boolean(flag) => Node::Flag(*flag),
        DeValue::Array(items) => Node::List(items.iter().map(|item| plain(item.get_ref())).collect()),
        DeValue::Table(table) => Node::Table(
            table
                .iter()
                .map(|(key, value)| Entry {
                    key: key.get_ref().to_string(),
                    key_place: Place::Default,
                    item: plain(value.get_ref()),
                })
                .collect(),
        ),
        DeValue::Float(_) | DeValue::Datetime(_) => Node::Broken,
    };
    Item { place: Place::Default, node }
}

fn known(name: &str) -> &'static Section {
    settings::section(name).expect("every section that is read is in the table")
}
