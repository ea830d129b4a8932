//! `[pages]`, and what pages know of the house they stand in.
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde::Serialize;

use super::colour::Colour;
use super::{Language, Templates};

/// `[pages]`
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Sign-in, sign-up and account pages are there.
    pub(crate) enabled: bool,
    pub(crate) title: Option<String>,
    pub(crate) logo: Option<Logo>,
    pub(crate) accent: Colour,
    pub(crate) theme: Theme,
    pub(crate) languages: Vec<Language>,
    pub(crate) templates: Templates,
}

/// Whose light it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    /// The reader's system says.
    Auto,
    Light,
    Dark,
}

impl Theme {
    /// For `<meta name="color-scheme">`.
    pub(super) const fn scheme(self) -> &'static str {
        match self {
            Self::Auto => "light dark",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// The operator's picture, read.
#[derive(Debug, Clone)]
pub(crate) struct Logo {
    pub(super) bytes: Vec<u8>,
    pub(super) kind: &'static str,
    pub(super) ending: &'static str,
}

/// Why a logo cannot be shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadLogo {
    #[error("it must end in .svg, .png, .jpg, .webp or .gif")]
    Kind,
    #[error("it has more than 256 KiB")]
    TooLarge,
    #[error(transparent)]
    Unreadable(#[from] std::io::Error),
}

impl Logo {
    pub(crate) fn read(path: &Path) -> Result<Self, BadLogo> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
        let &(ending, kind) = KINDS.iter().find(|(known, _)| *known == ending).ok_or(BadLogo::Kind)?;
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_LOGO + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_LOGO { Err(BadLogo::TooLarge) } else { Ok(Self { bytes, kind, ending }) }
    }
}

/// What the rest of the gateway is like, as far as pages show it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct House {
    /// "/auth", or "" for the root.
    pub(crate) prefix: String,
    /// `https://app.example.com`
    pub(crate) origin: String,
    /// The host that people type; without it, the one they asked for.
    pub(crate) site: Option<String>,
    /// Whether there is anything to sign in at.
    pub(crate) sign_in: bool,
    pub(crate) sign_in_with: SignInWith,
    pub(crate) sign_ups: SignUps,
    /// Whoever signs up must have a username.
    pub(crate) username_needed: bool,
    /// Whoever signs up must have an e-mail address.
    pub(crate) email_needed: bool,
    pub(crate) min_password: usize,
}

/// What people sign in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SignInWith {
    Username,
    Email,
    Either,
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SignUps {
    Open,
    Invite,
    Closed,
}

const KINDS: [(&str, &str); 6] = [
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("webp", "image/webp"),
    ("gif", "image/gif"),
];
/// It is loaded with each first page.
const MAX_LOGO: u64 = 256 * 1024;
