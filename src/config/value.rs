//! One item → one typed value, as its setting's kind says.
use std::time::Duration;

use super::codes::Code;
use super::finding::{DID_YOU_MEAN, Finding, Place};
use super::read::{Lists, Spot, Texts, expected};
use super::settings::{self, Kind, Setting};
use super::suggest::nearest;
use super::tree::{Item, Node, Text};
use super::units::{self, Unreadable};
use crate::base::Secret;
use crate::limit::Rate;

/// What an item can be read as. `None` after a complaint.
pub(super) trait Value: Sized {
    fn read(item: &Item, setting: &Setting, complain: &dyn Fn(Finding)) -> Option<Self>;
}

impl Value for bool {
    fn read(item: &Item, setting: &Setting, complain: &dyn Fn(Finding)) -> Option<Self> {
        if let Node::Flag(flag) = &item.node {
            return Some(*flag);
        }
        match unquoted(item, setting, complain, |text| text.parse().ok()) {
            Unquoted::Read(flag) => Some(flag),
            Unquoted::Refused => None,
            Unquoted::Other => wrong_kind(item, setting, complain),
        }
    }
}

/// A count or a size.
impl Value for u64 {
    fn read(item: &Item, setting: &Setting, complain: &dyn Fn(Finding)) -> Option<Self> {
        if let Kind::Size(least, most) = setting.kind {
            let bytes = quantity(item, setting, complain, units::size)?;
            let range = (units::write_size(least), units::write_size(most));
            return in_range(item, setting, complain, (least..=most).contains(&bytes), &range).then_some(bytes);
        }
        let Kind::Count(least, most) = setting.kind else { return wrong_kind(item, setting, complain) };
        let digits = number(item, setting, complain)?;
        let fits = digits.parse().ok().filter(|number| (least..=most).contains(number));
        let range = (least.to_string(), most.to_string());
        in_range(item, setting, complain, fits.is_some(), &range).then_some(fits).flatten()
    }
}

impl Value for usize {
    fn read(item: &Item, setting: &Setting, complain: &dyn Fn(Finding)) -> Option<Self> {
        Self::try_from(u64::read(item, setting, complain)?).ok()
    }
}

impl Value for u32 {
    fn read(item: &Item, setting: &Setting, complain: &dyn Fn(Finding)) -> Option<Self> {
        Self::try_from(u64::read(item, setting, complain)?).ok()
    }
}

impl Value for Duration {
    fn read(item: &Item, setting: &Setting, complain: &dyn Fn(Finding)) -> Option<Self> {
        let duration = quantity(item, setting, complain, units::duration)?;
        let Kind::Duration(least, most) = setting.kind else { return wrong_kind(item, setting, complain) };
        let range = (units::write_duration(least), units::write_duration(most));
        in_range(item, setting, complain, (least..=most).contains(&duration), &range).then_some(duration)
    }
}

impl Value for Rate {
    fn read(item: &Item, setting: &Setting, complain: &dyn Fn(Finding)) -> Option<Self> {
        let rate = quantity(item, setting, complain, units::rate)?;
        let range = ("1".to_owned(), u32::MAX.to_string());
        in_range(item, setting, complain, rate.count > 0, &range).then_some(rate)
    }
}

impl Value for String {
    fn read(item: &Item, setting: &Setting, complain: &dyn Fn(Finding)) -> Option<Self> {
        let Node::Text(text) = &item.node else { return wrong_kind(item, setting, complain) };
        if let Kind::Word(words) = setting.kind
            && !words.contains(&text.text.as_str())
        {
            complain(no_word(item, setting, &text.text, words));
            return None;
        }
        Some(text.text.clone())
    }
}

/// The text of a secret, and whether it came by reference.
impl Value for (Secret, bool) {
    fn read(item: &Item, setting: &Setting, complain: &dyn Fn(Finding)) -> Option<Self> {
        let Node::Text(text) = &item.node else { return wrong_kind(item, setting, complain) };
        Some((Secret::new(text.text.clone()), text.referenced))
    }
}

/// A list of texts, or one text where one is as good.
impl Value for Texts {
    fn read(item: &Item, setting: &Setting, complain: &dyn Fn(Finding)) -> Option<Self> {
        if let Node::List(items) = &item.node {
            return Some(texts(items, setting.key, complain));
        }
        let Node::Text(text) = &item.node else { return wrong_kind(item, setting, complain) };
        if matches!(setting.kind, Kind::OneOrMore) {
            return Some(vec![Spot { value: text.text.clone(), place: item.place.clone() }]);
        }
        let list = format!("[{}]", quoted(&text.text));
        complain(expected(item, setting.key, setting.kind.name()).replace("in brackets", &item.place, list));
        None
    }
}

/// Names and lists: `{ admin = ["users:read"] }`.
impl Value for Lists {
    fn read(item: &Item, setting: &Setting, complain: &dyn Fn(Finding)) -> Option<Self> {
        let Node::Table(entries) = &item.node else { return wrong_kind(item, setting, complain) };
        let rows = entries.iter().filter_map(|entry| {
            let name = Spot { value: entry.key.clone(), place: entry.key_place.clone() };
            if let Node::List(items) = &entry.item.node {
                return Some((name, texts(items, &entry.key, complain)));
            }
            unfit(&entry.item, &entry.key, "a list of texts", complain)
        });
        Some(rows.collect())
    }
}

/// Names and texts: `{ user = "X-Account" }`.
impl Value for Vec<(Spot<String>, Spot<String>)> {
    fn read(item: &Item, setting: &Setting, complain: &dyn Fn(Finding)) -> Option<Self> {
        let Node::Table(entries) = &item.node else { return wrong_kind(item, setting, complain) };
        let rows = entries.iter().filter_map(|entry| {
            let name = Spot { value: entry.key.clone(), place: entry.key_place.clone() };
            if let Node::Text(text) = &entry.item.node {
                return Some((name, Spot { value: text.text.clone(), place: entry.item.place.clone() }));
            }
            unfit(&entry.item, &entry.key, "a text in quotes", complain)
        });
        Some(rows.collect())
    }
}

/// The same with attributes of a person in the texts.
impl Value for Vec<(Spot<String>, Spot<Text>)> {
    fn read(item: &Item, setting: &Setting, complain: &dyn Fn(Finding)) -> Option<Self> {
        let Node::Table(entries) = &item.node else { return wrong_kind(item, setting, complain) };
        let rows = entries.iter().filter_map(|entry| {
            let name = Spot { value: entry.key.clone(), place: entry.key_place.clone() };
            if let Node::Text(text) = &entry.item.node {
                return Some((name, Spot { value: text.clone(), place: entry.item.place.clone() }));
            }
            unfit(&entry.item, &entry.key, "a text in quotes", complain)
        });
        Some(rows.collect())
    }
}

/// As TOML writes it.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn texts(items: &[Item], key: &str, complain: &dyn Fn(Finding)) -> Texts {
    let mut texts = Texts::with_capacity(items.len());
    for item in items {
        let Node::Text(text) = &item.node else {
            unfit::<()>(item, key, "a list of texts", complain);
            continue;
        };
        match texts.iter().find(|earlier| earlier.value == text.text) {
            Some(earlier) => complain(
                Finding::new(Code::E106, item.place.clone(), format!("`{key}` names one thing twice"))
                    .label("again")
                    .beside(&earlier.place, "first"),
            ),
            None => texts.push(Spot { value: text.text.clone(), place: item.place.clone() }),
        }
    }
    texts
}

/// What a text without its quotes would be.
enum Unquoted<T> {
    Read(T),
    /// It stands in the file in quotes that must go.
    Refused,
    /// Something else altogether.
    Other,
}

/// Numbers and flags: in a variable they stand as they are, in the file without quotes.
fn unquoted<T>(
    item: &Item,
    setting: &Setting,
    complain: &dyn Fn(Finding),
    parse: impl Fn(&str) -> Option<T>,
) -> Unquoted<T> {
    let Node::Text(Text { text, .. }) = &item.node else { return Unquoted::Other };
    let Some(value) = parse(text) else { return Unquoted::Other };
    if matches!(item.place, Place::Variable(_)) {
        return Unquoted::Read(value);
    }
    let finding = expected(item, setting.key, setting.kind.name());
    complain(finding.replace("without quotes", &item.place, text.clone()));
    Unquoted::Refused
}

/// The digits of a whole number.
fn number(item: &Item, setting: &Setting, complain: &dyn Fn(Finding)) -> Option<String> {
    if let Node::Number(digits) = &item.node {
        return Some(digits.clone());
    }
    let digits = |text: &str| {
        let all = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        all.then(|| text.to_owned())
    };
    match unquoted(item, setting, complain, digits) {
        Unquoted::Read(digits) => Some(digits),
        Unquoted::Refused => None,
        Unquoted::Other => wrong_kind(item, setting, complain),
    }
}

/// A number with its unit.
fn quantity<T>(
    item: &Item,
    setting: &Setting,
    complain: &dyn Fn(Finding),
    parse: fn(&str) -> Result<T, Unreadable>,
) -> Option<T> {
    if let Node::Number(digits) = &item.node {
        complain(no_unit(item, setting, digits));
        return None;
    }
    let Node::Text(Text { text, .. }) = &item.node else { return wrong_kind(item, setting, complain) };
    match parse(text) {
        Ok(value) => return Some(value),
        Err(Unreadable::NoUnit) => complain(no_unit(item, setting, text)),
        Err(why) => complain(no_quantity(item, setting, text, why)),
    }
    None
}

/// "`access_ttl` is a duration and needs a unit"
fn no_unit(item: &Item, setting: &Setting, digits: &str) -> Finding {
    let (noun, label, fixed) = if matches!(setting.kind, Kind::Size(..)) {
        ("a size", "bytes? KiB? MiB?", digits.parse().map_or_else(|_| format!("{digits}B"), units::write_size))
    } else if matches!(setting.kind, Kind::Rate) {
        ("a rate", "per second? per minute?", format!("{digits}/m"))
    } else {
        ("a duration", "seconds? minutes?", format!("{digits}s"))
    };
    Finding::new(Code::E110, item.place.clone(), format!("`{}` is {noun} and needs a unit", setting.key))
        .label(label)
        .replace("write the unit", &item.place, quoted(&fixed))
}

fn no_quantity(item: &Item, setting: &Setting, text: &str, why: Unreadable) -> Finding {
    let units = if matches!(setting.kind, Kind::Size(..)) {
        "B, KiB, MiB or GiB"
    } else if matches!(setting.kind, Kind::Rate) {
        "/s, /m, /h or /d"
    } else {
        "ms, s, m, h or d"
    };
    let finding =
        Finding::new(Code::E111, item.place.clone(), format!("`{}` must be {}", setting.key, setting.kind.name()));
    let unit = units::split(text).ok().filter(|_| why == Unreadable::UnknownUnit);
    match unit.and_then(|(number, unit)| units::meant(unit).map(|meant| format!("{number}{meant}"))) {
        Some(fixed) => {
            finding.label("no such unit").replace(format!("{DID_YOU_MEAN} `{fixed}`?"), &item.place, quoted(&fixed))
        }
        None => finding.label("not understood").say(format!("write a whole number and one of the units {units}")),
    }
}

fn no_word(item: &Item, setting: &Setting, text: &str, words: &[&str]) -> Finding {
    let finding = Finding::new(Code::E102, item.place.clone(), format!("`{}` cannot be `{text}`", setting.key));
    if settings::LATER_WORDS.iter().any(|(_, key, word)| *key == setting.key && *word == text) {
        return finding.label("not in this version").say(format!("it is {}", either(words)));
    }
    let finding = finding.label(either(words));
    match nearest(text, words.iter().copied()) {
        Some(word) => finding.replace(format!("{DID_YOU_MEAN} `{word}`?"), &item.place, quoted(word)),
        None => finding,
    }
}

/// "one of `a`, `b` or `c`"
pub(super) fn either(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("one of {} or {last}", others.join(", ")),
        None => String::new(),
    }
}

fn in_range(item: &Item, setting: &Setting, complain: &dyn Fn(Finding), fits: bool, range: &(String, String)) -> bool {
    if !fits {
        let (least, most) = range;
        let title = format!("`{}` must be between {least} and {most}", setting.key);
        complain(Finding::new(Code::E105, item.place.clone(), title).label("out of range"));
    }
    fits
}

fn wrong_kind<T>(item: &Item, setting: &Setting, complain: &dyn Fn(Finding)) -> Option<T> {
    unfit(item, setting.key, setting.kind.name(), complain)
}

/// Complains about another kind, but not twice about what is broken.
fn unfit<T>(item: &Item, key: &str, kind: &str, complain: &dyn Fn(Finding)) -> Option<T> {
    if !matches!(item.node, Node::Broken) {
        complain(expected(item, key, kind));
    }
    None
}
