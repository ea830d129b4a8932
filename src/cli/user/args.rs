//! What `authgate user` takes. Passwords never stand in flags.
use std::time::Duration;

use super::PasswordArgs;
use crate::base::{Email, Role, Scope};

/// People: add, list, show, edit, password, disable, enable, logout, mfa-reset, invite, delete.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  authgate user add ann --email ann@example.com --admin\n  authgate user edit ann --add-role staff"
)]
pub(crate) struct UserArgs {
    #[command(subcommand)]
    pub(super) verb: UserVerb,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum UserVerb {
    /// Add a person
    #[command(
        after_help = "Examples:\n  authgate user add ann --admin\n  echo 'a long password' | authgate user add bob@example.com --password-stdin"
    )]
    Add(AddArgs),
    /// List people
    #[command(after_help = "Examples:\n  authgate user list\n  authgate user list --role admin --json")]
    List(ListArgs),
    /// Show one person
    #[command(after_help = "Examples:\n  authgate user show ann\n  authgate user show ann@example.com --json")]
    Show {
        /// Name, e-mail address or id
        name: String,
    },
    /// Change roles, scopes, name, e-mail address or attributes
    #[command(
        after_help = "Examples:\n  authgate user edit ann --add-role staff --remove-role admin\n  authgate user edit ann --set department=finance"
    )]
    Edit(Box<EditArgs>),
    /// Set a new password; ends all sessions
    #[command(
        after_help = "Examples:\n  authgate user password ann\n  authgate user password ann --password-file new.txt"
    )]
    Password {
        /// Name, e-mail address or id
        name: String,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Disable: no sign-in, and all sessions end
    #[command(after_help = "Examples:\n  authgate user disable bob\n  authgate user disable bob@example.com")]
    Disable {
        /// Name, e-mail address or id
        name: String,
    },
    /// Enable again
    #[command(after_help = "Examples:\n  authgate user enable bob\n  authgate user enable bob@example.com")]
    Enable {
        /// Name, e-mail address or id
        name: String,
    },
    /// Count the kinds of password hashes, and say which are replaced at the next sign-in
    #[command(after_help = "Examples:\n  authgate user hashes\n  authgate user hashes --json")]
    Hashes,
    /// Sign out everywhere
    #[command(after_help = "Examples:\n  authgate user logout bob\n  authgate user logout bob@example.com --json")]
    Logout {
        /// Name, e-mail address or id
        name: String,
    },
    /// Take second factor and passkeys away from somebody who lost them
    #[command(
        after_help = "Examples:\n  authgate user mfa-reset bob\n  authgate user mfa-reset bob@example.com --json"
    )]
    MfaReset {
        /// Name, e-mail address or id
        name: String,
    },
    /// Invite somebody: prints a token that is good for one registration
    #[command(
        after_help = "Examples:\n  authgate user invite\n  authgate user invite ann@example.com --role staff --expires 3d"
    )]
    Invite(InviteArgs),
    /// Delete for good
    #[command(after_help = "Examples:\n  authgate user delete bob\n  authgate user delete bob -y")]
    Delete {
        /// Name, e-mail address or id
        name: String,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct AddArgs {
    /// The name to sign in with, or an e-mail address
    pub(super) name: String,
    /// E-mail address
    #[arg(long)]
    pub(super) email: Option<String>,
    /// The person's full name
    #[arg(long = "name", value_name = "NAME")]
    pub(super) full_name: Option<String>,
    /// A role; may be repeated
    #[arg(long = "role", value_name = "ROLE", value_parser = Role::parse)]
    pub(super) roles: Vec<Role>,
    /// A scope; may be repeated
    #[arg(long = "scope", value_name = "SCOPE", value_parser = Scope::parse)]
    pub(super) scopes: Vec<Scope>,
    /// The same as --role admin
    #[arg(long)]
    pub(super) admin: bool,
    /// Something known about the person; may be repeated
    #[arg(long = "attribute", value_name = "KEY=VALUE", value_parser = pair)]
    pub(super) attributes: Vec<(String, String)>,
    #[command(flatten)]
    pub(super) password: PasswordArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// Only those whose name or e-mail address holds this
    pub(super) text: Option<String>,
    /// Only those with this role
    #[arg(long, value_parser = Role::parse)]
    pub(super) role: Option<Role>,
    /// At most so many
    #[arg(long, default_value_t = u32::MAX, hide_default_value = true)]
    pub(super) limit: u32,
}

#[derive(Debug, clap::Args)]
pub(super) struct EditArgs {
    /// Name, e-mail address or id
    pub(super) name: String,
    /// Give a role; may be repeated
    #[arg(long = "add-role", value_name = "ROLE", value_parser = Role::parse)]
    pub(super) add_roles: Vec<Role>,
    /// Take a role away; may be repeated
    #[arg(long = "remove-role", value_name = "ROLE", value_parser = Role::parse)]
    pub(super) remove_roles: Vec<Role>,
    /// Give a scope; may be repeated
    #[arg(long = "add-scope", value_name = "SCOPE", value_parser = Scope::parse)]
    pub(super) add_scopes: Vec<Scope>,
    /// Take a scope away; may be repeated
    #[arg(long = "remove-scope", value_name = "SCOPE", value_parser = Scope::parse)]
    pub(super) remove_scopes: Vec<Scope>,
    /// E-mail address
    #[arg(long)]
    pub(super) email: Option<String>,
    /// The person's full name
    #[arg(long = "name", value_name = "NAME")]
    pub(super) full_name: Option<String>,
    /// Set an attribute; an empty value takes it away
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    pub(super) attributes: Vec<(String, String)>,
}

#[derive(Debug, clap::Args)]
pub(super) struct InviteArgs {
    /// Good only for somebody who registers with this address
    #[arg(value_name = "EMAIL", value_parser = Email::parse)]
    pub(super) email: Option<Email>,
    /// A role besides the default ones; may be repeated
    #[arg(long = "role", value_name = "ROLE", value_parser = Role::parse)]
    pub(super) roles: Vec<Role>,
    /// Good for so long: 12h, 7d
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = crate::cli::prompt::duration)]
    pub(super) expires: Duration,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    if key.is_empty() { Err("the key is empty".to_owned()) } else { Ok((key.to_owned(), value.to_owned())) }
}
