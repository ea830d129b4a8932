//! What `authgate keys` takes.
use std::path::PathBuf;

/// Signing keys: list, rotate, retire, export, import, new-secret.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  authgate keys list\n  authgate keys rotate --publish-first")]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    pub(super) verb: KeysVerb,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum KeysVerb {
    /// Show which key signs and which are believed
    #[command(after_help = "Examples:\n  authgate keys list\n  authgate keys list --json")]
    List,
    /// Make a new key; it signs within a second, and the old one is believed until its last token is dead
    #[command(after_help = "Examples:\n  authgate keys rotate\n  authgate keys rotate --publish-first")]
    Rotate {
        /// Show the new key for ten minutes before it signs, for backends that keep the key set
        #[arg(long)]
        publish_first: bool,
    },
    /// Stop believing a key: all tokens it signed are refused within a second
    #[command(
        after_help = "Examples:\n  authgate keys retire KID\n  authgate keys rotate && sleep 1 && authgate keys retire KID -y\n\n\
        The key that signs cannot be retired: another one has to sign first."
    )]
    Retire {
        /// The key's name, as `keys list` shows it
        // A name is base64url: it may begin with a hyphen.
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
    /// Print the public keys, or with --private one private key
    #[command(
        after_help = "Examples:\n  authgate keys export > jwks.json\n  authgate keys export --private KID > backup.pem"
    )]
    Export {
        /// Print this private key as PKCS#8 in PEM (a secret made here in base64url)
        #[arg(long, value_name = "KID", allow_hyphen_values = true)]
        private: Option<String>,
    },
    /// Take a private key from a PEM file into the store; it signs from now on
    #[command(after_help = "Examples:\n  authgate keys import backup.pem\n  authgate keys import - < backup.pem")]
    Import {
        /// The file, or - for standard input
        file: PathBuf,
    },
    /// Print a new secret for HS256 or for encrypt_with
    #[command(
        after_help = "Examples:\n  authgate keys new-secret > /run/secrets/authgate_key\n  export JWT_SECRET_KEY=$(authgate keys new-secret)"
    )]
    NewSecret,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        verb: KeysVerb,
    }

    #[test]
    fn a_key_whose_name_begins_with_a_hyphen_can_be_named() {
        let retire = Line::try_parse_from(["keys", "retire", "-wQ1"]).unwrap().verb;
        assert!(matches!(retire, KeysVerb::Retire { kid } if kid == "-wQ1"));
        let export = Line::try_parse_from(["keys", "export", "--private", "-wQ1"]).unwrap().verb;
        assert!(matches!(export, KeysVerb::Export { private: Some(kid) } if kid == "-wQ1"));
    }
}
