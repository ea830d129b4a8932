//! What a person sees: templates, texts and style. Values in, HTML out; nothing here knows HTTP.
mod assets;
mod colour;
mod device;
mod kinds;
mod language;
mod links;
mod problem;
mod settings;
mod templates;
mod texts;
#[cfg(test)]
mod tests;

pub(crate) use assets::{ASSETS, Asset};
pub(crate) use colour::Colour;
pub(crate) use device::device;
pub(crate) use kinds::{Account, ErrorCode, Errors, Moment, OwnPasskey, Page, Refused, SignIn, SignUp, SignedIn};
pub(crate) use language::{Language, pick};
pub(crate) use links::{Forgot, NewFactor, Notice, RecoveryCodes, Reset, SecondFactor, VerifyEmail};
pub(crate) use problem::{Problem, Wrong};
pub(crate) use settings::{House, Logo, Settings, SignInWith, SignUps, Theme};
pub(crate) use templates::Templates;

use minijinja::value::Serde;
use minijinja::{Value, context};

use assets::Assets;
use texts::Texts;

/// Draws every page in the words and the look of this house.
#[derive(Debug)]
pub(crate) struct Pages {
    house: House,
    templates: Templates,
    assets: Assets,
    texts: Texts,
    /// The heading of the sign-in page, where the operator has one.
    title: Option<String>,
    theme: Theme,
    /// In the order of preference; never empty.
    languages: Vec<Language>,
}

/// Who reads a page, and where.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    language: Language,
    /// The site as its readers know it.
    site: String,
}

/// A whole page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Html(String);

impl Html {
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

impl Pages {
    pub(crate) fn new(settings: &Settings, house: House) -> Self {
        Self {
            assets: Assets::new(settings, &house.prefix),
            templates: settings.templates.clone(),
            texts: Texts::built_in(),
            title: settings.title.clone(),
            theme: settings.theme,
            languages: settings.languages.clone(),
            house,
        }
    }

    /// Who asked with this `Accept-Language` for a page of this host.
    pub(crate) fn reader(&self, accept_language: Option<&str>, host: &str) -> Reader {
        let site = self.house.site.clone().unwrap_or_else(|| host.to_owned());
        Reader { language: pick(accept_language, &self.languages), site }
    }

    pub(crate) fn show<P: Page>(&self, page: &P, reader: &Reader) -> Html {
        let language = page.language().unwrap_or(reader.language);
        let words = self.texts.of(language);
        let told = page.problem().zip(words).map(|(problem, words)| problem.words(words, &self.house));
        let frame = context! {
            t => self.texts.value(language),
            lang => language.tag(),
            dir => language.direction(),
            site => reader.site.as_str(),
            prefix => self.house.prefix.as_str(),
            style => self.assets.style(),
            script => self.assets.script(),
            passkey_script => self.assets.passkey_script(),
            logo => self.assets.logo(),
            scheme => self.theme.scheme(),
            heading => self.title.as_deref(),
            house => Value::from(Serde(&self.house)),
            problem => told.map(|told| Value::from(Serde(told))),
            page => Value::from(Serde(page)),
        };
        Html(self.templates.render(P::TEMPLATE, &frame))
    }

    /// Whether somebody may make an account, if only with an invitation.
    pub(crate) fn takes_sign_ups(&self) -> bool {
        self.house.sign_ups != SignUps::Closed
    }

    /// A file that pages refer to. Its name changes with its content.
    pub(crate) fn asset(&self, name: &str) -> Option<&Asset> {
        self.assets.named(name)
    }
}
