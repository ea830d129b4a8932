//! `authgate man DIR`: a page for each verb, as `man` reads them.
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use clap_mangen::Man;
use serde_json::json;

use super::{Exit, Out};

/// Write a manual page for each verb into a folder.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  authgate man ./man1\n  authgate man /usr/local/share/man/man1 && man authgate-user-add\n\n\
    The folder is made where it is not there. Pages that authgate wrote before are written anew; where anything else has the\n\
    name of a page, nothing is written at all."
)]
pub(super) struct ManArgs {
    /// Where the pages go
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub(super) fn run(args: &ManArgs, out: &mut Out) -> Exit {
    let pages = match pages() {
        Ok(pages) => pages,
        Err(error) => {
            out.error(format_args!("cannot draw the pages: {error}"));
            return Exit::Unknown;
        }
    };
    if let Some((name, _)) = pages.iter().find(|(name, _)| !is_ours_to_write(&args.folder.join(name))) {
        let path = args.folder.join(name);
        out.error(format_args!(
            "{} is no page that authgate wrote: nothing was written; take it away or name another folder",
            path.display()
        ));
        return Exit::No;
    }
    if let Err(error) = write(&pages, &args.folder) {
        out.error(format_args!("cannot write into {}: {error}", args.folder.display()));
        return Exit::Unknown;
    }
    if out.json() {
        out.data(&json!({ "folder": args.folder, "pages": pages.iter().map(|(name, _)| name).collect::<Vec<_>>() }));
    } else {
        out.line(format_args!("wrote {} pages into {}", pages.len(), args.folder.display()));
    }
    Exit::Done
}

/// Every page by its file's name, in the order of `--help`.
fn pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut command = super::command();
    command.build();
    let mut pages = Vec::new();
    draw(&command, 0, &mut pages)?;
    Ok(pages)
}

fn draw(command: &clap::Command, depth: usize, pages: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    let man = Man::new(command.clone()).manual("authgate");
    let mut text = MARK.to_vec();
    man.render(&mut text)?;
    pages.push((man.get_filename(), text));
    // `help` is a verb of ours; below a verb it is clap's, and says what the page of the verb does.
    let is_told = |verb: &&clap::Command| !verb.is_hide_set() && (depth == 0 || verb.get_name() != "help");
    for verb in command.get_subcommands().filter(is_told) {
        draw(verb, depth + 1, pages)?;
    }
    Ok(())
}

/// Nothing is there, or a page of ours: no link, and it begins with our mark.
fn is_ours_to_write(path: &Path) -> bool {
    match fs::symlink_metadata(path) {
        // What stands in the way is told when the folder is made.
        Err(error) => matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
        Ok(meta) if !meta.is_file() => false,
        Ok(_) => {
            let mut begin = Vec::new();
            let read = File::open(path).and_then(|file| file.take(MARK.len() as u64).read_to_end(&mut begin));
            read.is_ok() && begin == MARK
        }
    }
}

fn write(pages: &[(String, Vec<u8>)], folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    for (name, text) in pages {
        let path = folder.join(name);
        // Made anew, so that it cannot lead elsewhere by now.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        File::create_new(&path)?.write_all(text)?;
    }
    Ok(())
}

/// How a page of ours begins: a comment.
const MARK: &[u8] = b".\\\" Written by `authgate man`, which writes it anew.\n";
