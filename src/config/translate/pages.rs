//! `[pages]`: files are read here, so that what is wrong with them is said before anything starts.
use std::path::Path;

use crate::config::codes::Code;
use crate::config::finding::Finding;
use crate::config::read::{Part, Reader, Spot, Texts};
use crate::observe::Chain;
use crate::pages::{Colour, Language, Logo, Settings, Templates, Theme};

/// `[pages]`
pub(super) fn pages(reader: &Reader<'_>) -> Settings {
    let part = reader.part("pages");
    let themes = [("auto", Theme::Auto), ("light", Theme::Light), ("dark", Theme::Dark)];
    Settings {
        enabled: part.value("enabled"),
        title: part.given::<String>("title").map(|title| title.value),
        logo: logo(&part),
        accent: accent(&part),
        theme: part.choice("theme", &themes),
        languages: languages(&part),
        templates: templates(&part),
    }
}

fn logo(part: &Part<'_>) -> Option<Logo> {
    let path: Spot<String> = part.given("logo")?;
    match Logo::read(Path::new(&path.value)) {
        Ok(logo) => Some(logo),
        Err(error) => {
            let title = "`logo` cannot be shown";
            part.complain(Finding::new(Code::E102, path.place, title).label(Chain(&error).to_string()));
            None
        }
    }
}

fn accent(part: &Part<'_>) -> Colour {
    let text: Spot<String> = part.spot("accent");
    Colour::parse(&text.value).unwrap_or_else(|| {
        part.complain(
            Finding::new(Code::E102, text.place, "`accent` is no colour").label("six hexadecimal digits after `#`"),
        );
        Colour::BLACK
    })
}

fn languages(part: &Part<'_>) -> Vec<Language> {
    let texts: Texts = part.value("languages");
    let mut languages = Vec::new();
    for text in texts {
        match Language::parse(&text.value) {
            _ if text.value == "auto" => languages.extend(Language::ALL),
            Some(language) => languages.push(language),
            None => {
                let known = Language::ALL.map(Language::tag).join(", ");
                let title = format!("pages are not written in `{}`", text.value);
                part.complain(Finding::new(Code::E102, text.place, title).label(format!("one of auto, {known}")));
            }
        }
    }
    languages
}

fn templates(part: &Part<'_>) -> Templates {
    let Some(folder) = part.given::<String>("templates") else { return Templates::built_in() };
    Templates::with(Path::new(&folder.value)).unwrap_or_else(|error| {
        let title = "`templates` cannot be used";
        part.complain(Finding::new(Code::E102, folder.place, title).label(Chain(&error).to_string()));
        Templates::built_in()
    })
}
