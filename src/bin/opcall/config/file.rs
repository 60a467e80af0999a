//! The configuration's file: changed by one process at a time, written whole or not at all, the owner's alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::report::Failure;

/// The text of the file; without a file it is empty.
///
/// # Errors
/// Where it cannot be read, and where others may write it.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::io(format!("reading \"{}\"", path.display()), error)),
    };
    refuse_open(path)?;
    Ok(text)
}

/// Waits for the right to change the file; it is given back when what is returned is dropped.
pub(super) fn lock(path: &Path) -> io::Result<File> {
    let mut place = target(path)?.into_os_string();
    place.push(".lock");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(place)?;
    match file.lock() {
        // Some file systems know no locks.
        Err(error) if error.kind() != io::ErrorKind::Unsupported => Err(error),
        _ => Ok(file),
    }
}

/// Writes the file: beside its place, then by renaming. A link is followed.
pub(super) fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let path = target(path)?;
    let mut file =
        tempfile::Builder::new().prefix(".config-").suffix(".toml").tempfile_in(folder_of(&path))?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(())
}

/// Where the file really is; its folder is made where it is missing.
fn target(path: &Path) -> io::Result<PathBuf> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder_of(&path))?;
    Ok(path)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Refuses a file that everybody can write: it says where credentials go.
#[cfg(unix)]
fn refuse_open(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    let is_open = fs::metadata(path).is_ok_and(|it| it.permissions().mode() & 0o002 != 0);
    if !is_open {
        return Ok(());
    }
    let hint = Some(format!("run `chmod 600 {}`.", path.display()));
    Err(Failure::config(
        format!("everybody can write {}, which says where credentials go", path.display()),
        hint,
    ))
}

/// The system's own rules hold.
#[cfg(not(unix))]
fn refuse_open(_: &Path) -> Result<(), Failure> {
    Ok(())
}
