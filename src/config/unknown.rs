//! Names nobody knows: what was meant, where it belongs, or that a later version will know it.
use super::codes::Code;
use super::finding::{DID_YOU_MEAN, Finding, Place, Source};
use super::settings::{self, Section, Shape};
use super::suggest::nearest;
use super::tree::{Entry, Item, Node};

/// A name at the top of the file that nobody knows.
pub(super) fn stray(entry: &Entry, source: &Source) -> Finding {
    let key = &entry.key;
    let place = entry.key_place.clone();
    let is_table = |item: &Item| matches!(item.node, Node::Table(_));
    let written = if is_table(&entry.item) {
        format!("[{key}]")
    } else if matches!(&entry.item.node, Node::List(items) if items.iter().any(is_table)) {
        format!("[[{key}]]")
    } else {
        return bare_key(entry);
    };
    let finding = Finding::new(Code::E103, place, format!("unknown section `{written}`"));
    if settings::LATER_SECTIONS.contains(&key.as_str()) {
        return finding.label("not in this version").say("take it out: it would do nothing");
    }
    let finding = finding.label("no such section");
    match meant_section(key).zip(brackets(entry, source)) {
        // The header as a whole: with as many brackets as it should have.
        Some((meant, header)) if (meant.shape == Shape::List) != written.starts_with("[[") => {
            let title = if meant.shape == Shape::List { meant.title() } else { format!("[{}]", meant.name) };
            finding.replace(format!("{DID_YOU_MEAN} `{title}`?"), &header, title)
        }
        _ => suggested(finding, entry, meant_section(key).map(|section| section.name)),
    }
}

/// The section that was meant by a name at the top of the file that is none.
pub(super) fn meant_section(key: &str) -> Option<&'static Section> {
    nearest(key, settings::SECTIONS.iter().map(|section| section.name)).and_then(settings::section)
}

/// The header of a table with its brackets, where its name stands in some.
fn brackets(entry: &Entry, source: &Source) -> Option<Place> {
    let Place::Span(name) = &entry.key_place else { return None };
    let (before, after) = (source.text.get(..name.start)?, source.text.get(name.end..)?);
    let pairs = [("[[", "]]"), ("[", "]")];
    let (open, close) = pairs.into_iter().find(|(open, close)| before.ends_with(open) && after.starts_with(close))?;
    Some(Place::Span(name.start - open.len()..name.end + close.len()))
}

/// A key above every header.
fn bare_key(entry: &Entry) -> Finding {
    let key = &entry.key;
    let title = format!("unknown key `{key}` above every section");
    let finding = Finding::new(Code::E103, entry.key_place.clone(), title).label("no such setting");
    let homes = homes(key, "");
    if !homes.is_empty() {
        return finding.say(belongs(&homes));
    }
    match nearest(key, settings::SECTIONS.iter().map(|section| section.name)) {
        Some(name) => suggested(finding, entry, Some(name)),
        None => finding.say("every setting stands in a section, below a header such as `[server]`"),
    }
}

/// The finding, and the key that was meant where one is near.
pub(super) fn unknown_key(entry: &Entry, section: &'static Section, title: &str) -> (Finding, Option<&'static str>) {
    let key = entry.key.as_str();
    let finding = no_setting(entry, title);
    if section.later.contains(&key) {
        return (finding.label("not in this version").say("take it out: it would do nothing"), None);
    }
    let synonym = settings::SYNONYMS.iter().find(|(name, theirs, _)| *name == section.name && *theirs == key);
    if let Some((_, _, ours)) = synonym {
        return (suggested(finding, entry, Some(ours)).known(), Some(ours));
    }
    let homes = homes(key, section.name);
    if !homes.is_empty() {
        return (finding.say(belongs(&homes)), None);
    }
    // `log_level` in `[log]`
    let short = key.strip_prefix(section.name).and_then(|rest| section.setting(rest.strip_prefix('_')?));
    if let Some(setting) = short {
        return (suggested(finding, entry, Some(setting.key)).known(), Some(setting.key));
    }
    let meant = nearest(key, section.settings.iter().map(|setting| setting.key));
    (suggested(finding, entry, meant), meant)
}

pub(super) fn no_setting(entry: &Entry, title: &str) -> Finding {
    let title = format!("unknown key `{}` in `{title}`", entry.key);
    Finding::new(Code::E103, entry.key_place.clone(), title).label("no such setting")
}

pub(super) fn suggested(finding: Finding, entry: &Entry, meant: Option<&str>) -> Finding {
    match meant {
        Some(meant) => finding.replace(format!("{DID_YOU_MEAN} `{meant}`?"), &entry.key_place, meant),
        None => finding,
    }
}

/// The sections, but for `here`, that know a key of this name; `log_level` is at home in `[log]`.
fn homes(key: &str, here: &str) -> Vec<String> {
    let knows = |section: &&Section| {
        let short = key.strip_prefix(section.name).and_then(|rest| rest.strip_prefix('_'));
        section.name != here
            && (section.setting(key).is_some() || short.is_some_and(|key| section.setting(key).is_some()))
    };
    settings::SECTIONS.iter().filter(knows).map(Section::title).collect()
}

fn belongs(homes: &[String]) -> String {
    let homes: Vec<_> = homes.iter().map(|home| format!("`{home}`")).collect();
    let homes = homes.join(" or ");
    format!("this setting belongs in {homes}: in TOML a key belongs to the last header above it")
}
