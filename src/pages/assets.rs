//! The files that pages refer to, under names that change with their content, so that a browser keeps them for good.
use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;

use super::colour::Colour;
use super::{Settings, Theme};

/// A file as it is served.
#[derive(Debug)]
pub(crate) struct Asset {
    /// "/auth/authgate/style-0f1e2d3c.css"
    path: String,
    pub(crate) kind: &'static str,
    pub(crate) bytes: Bytes,
}

#[derive(Debug)]
pub(super) struct Assets {
    style: Asset,
    script: Asset,
    passkey_script: Asset,
    logo: Option<Asset>,
}

impl Assets {
    pub(super) fn new(settings: &Settings, prefix: &str) -> Self {
        let asset = |name: &str, ending: &str, kind, bytes: Bytes| {
            let path = format!("{prefix}{ASSETS}{name}-{}.{ending}", mark(&bytes));
            Asset { path, kind, bytes }
        };
        let style = Bytes::from(format!("{}{STYLE}", colours(settings.theme, settings.accent)));
        let logo = settings.logo.as_ref();
        Self {
            style: asset("style", "css", "text/css; charset=utf-8", style),
            script: asset("page", "js", JAVASCRIPT, Bytes::from_static(SCRIPT.as_bytes())),
            passkey_script: asset("passkey", "js", JAVASCRIPT, Bytes::from_static(PASSKEY_SCRIPT.as_bytes())),
            logo: logo.map(|logo| asset("logo", logo.ending, logo.kind, Bytes::from(logo.bytes.clone()))),
        }
    }

    pub(super) fn style(&self) -> &str {
        &self.style.path
    }

    pub(super) fn script(&self) -> &str {
        &self.script.path
    }

    pub(super) fn passkey_script(&self) -> &str {
        &self.passkey_script.path
    }

    pub(super) fn logo(&self) -> Option<&str> {
        self.logo.as_ref().map(|logo| logo.path.as_str())
    }

    /// By the whole path it is asked for with.
    pub(super) fn named(&self, path: &str) -> Option<&Asset> {
        [Some(&self.style), Some(&self.script), Some(&self.passkey_script), self.logo.as_ref()]
            .into_iter()
            .flatten()
            .find(|asset| asset.path == path)
    }
}

/// The first bytes of the content's SHA-256.
fn mark(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The variables that the style is written in: for light, for dark, or for each as the reader's system is set.
fn colours(theme: Theme, accent: Colour) -> String {
    let light = palette(LIGHT, accent, Colour::WHITE, Colour::BLACK);
    let dark = palette(DARK, accent, DARK_GROUND, Colour::WHITE);
    match theme {
        Theme::Light => format!(":root{{color-scheme:light;{light}}}\n"),
        Theme::Dark => format!(":root{{color-scheme:dark;{dark}}}\n"),
        Theme::Auto => {
            format!(":root{{color-scheme:light dark;{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n")
        }
    }
}

fn palette(rest: &str, accent: Colour, ground: Colour, towards: Colour) -> String {
    let (button, link) = (accent.seen_on(ground, towards), accent.readable_on(ground, towards));
    format!("{rest}--accent:{};--on-accent:{};--link:{};", button.css(), button.ink().css(), link.css())
}

/// Under our prefix. A backend that has the root for its own is unlikely to have it too.
pub(crate) const ASSETS: &str = "/authgate/";
const STYLE: &str = include_str!("look/style.css");
const SCRIPT: &str = include_str!("look/page.js");
const PASSKEY_SCRIPT: &str = include_str!("look/passkey.js");
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const LIGHT: &str = "--page:#f3f4f7;--sheet:#ffffff;--ink:#1c2230;--soft:#565f73;--line:#d5d9e2;--edge:#868ea1;\
                     --bad:#b3261e;--bad-ground:#fdf0ef;--good:#1b6b3a;--good-ground:#edf7f0;--shade:#1c22300f;";
const DARK: &str = "--page:#12141a;--sheet:#1b1e26;--ink:#e7e9ee;--soft:#a3abbb;--line:#323744;--edge:#737c90;\
                    --bad:#ffb4ab;--bad-ground:#3a2220;--good:#8fd6a8;--good-ground:#1c3024;--shade:#00000000;";
/// `--sheet` of the dark palette.
const DARK_GROUND: Colour = Colour::of([0x1b, 0x1e, 0x26]);
