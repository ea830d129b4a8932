//! A certificate authority of a test's own, by openssl, in a folder.
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// It signs for as long as the test runs.
#[derive(Debug)]
pub(crate) struct Authority(TempDir);

impl Authority {
    pub(crate) fn new() -> Self {
        let authority = Self(tempfile::tempdir().unwrap());
        let key = authority.new_key("ca", &["-x509", "-days", "30", "-out", "ca.pem", "-subj", "/CN=Test authority"]);
        assert!(key.exists());
        authority
    }

    /// A file of the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// As a file writes it.
    pub(crate) fn quoted(&self, name: &str) -> String {
        format!("\"{}\"", self.file(name).display())
    }

    /// `NAME.pem` and `NAME.key` for these alternative names (`DNS:localhost,IP:127.0.0.1`), ended where `days` is negative.
    pub(crate) fn sign(&self, name: &str, names: &str, days: &str) {
        let (request, extension) = (format!("{name}.csr"), format!("subjectAltName={names}"));
        let subject = format!("/CN={name}");
        self.new_key(name, &["-out", &request, "-subj", &subject, "-addext", &extension]);
        self.openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-copy_extensions",
            "copy",
            "-days",
            days,
            "-out",
            &format!("{name}.pem"),
        ]);
    }

    /// `NAME.pem` and `NAME.key`, signed by itself as openssl does it: it says that it is an authority's.
    pub(crate) fn sign_itself(&self, name: &str, names: &str) {
        let (file, extension) = (format!("{name}.pem"), format!("subjectAltName={names}"));
        self.new_key(name, &["-x509", "-days", "30", "-out", &file, "-subj", "/CN=itself", "-addext", &extension]);
    }

    /// The same again, ended where `days` is negative.
    pub(crate) fn sign_itself_again(&self, name: &str, days: &str) {
        let (file, key) = (format!("{name}.pem"), format!("{name}.key"));
        self.openssl(&["x509", "-in", &file, "-signkey", &key, "-days", days, "-out", &file]);
    }

    fn new_key(&self, name: &str, args: &[&str]) -> PathBuf {
        let key = format!("{name}.key");
        let usual = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", &key];
        self.openssl(&[&usual[..], args].concat());
        self.file(&key)
    }

    fn openssl(&self, args: &[&str]) {
        let ran = Command::new("openssl").args(args).current_dir(self.0.path()).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }
}
