//! People and sessions: the use cases, free of HTTP.
//!
//! `People` is what an operator may do, with the store alone; `Accounts` adds what people do themselves, which needs keys
//! and limits. Whatever ends a session here is in force in this process when the call returns, and in the others within
//! a second. What was answered is on the disk.
mod accounts;
mod bring;
mod browser;
mod fields;
mod invites;
mod letters;
mod limits;
mod login;
mod logout;
mod old_login;
mod machines;
mod own;
mod passkeys;
mod people;
mod refresh;
mod refresh_token;
mod register;
mod reset;
mod second_factor;
mod session;
mod settings;
mod stranger;
#[cfg(test)]
mod tests;
mod totp;
mod trail;

pub(crate) use accounts::{Accounts, SignedIn};
pub(crate) use bring::Brought;
pub(crate) use browser::Client;
pub(crate) use fields::FieldError;
pub(crate) use invites::NewInvite;
pub(crate) use letters::{LetterError, Letters};
pub(crate) use limits::Limits;
pub(crate) use login::LoginError;
pub(crate) use machines::{NewMachine, NewMachineError};
pub(crate) use old_login::{MigrateFrom, OldLogin};
pub(crate) use own::{ChangeError, ChangePasswordError, Wish};
pub(crate) use passkeys::{PasskeyError, ShownPasskey};
pub(crate) use people::{AddError, EditError, NewPerson, People, SetPasswordError};
pub(crate) use refresh::RefreshError;
pub(crate) use register::{RegisterError, SignUp};
pub(crate) use reset::LinkError;
pub(crate) use second_factor::{FactorError, Factors, NewTotp};
pub(crate) use settings::{Identifier, Registration, Settings};
pub(crate) use trail::Source;
