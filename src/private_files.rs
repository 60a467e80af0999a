//! Files and folders that only their owner may read, written so that a crash leaves the old file or the new one.
//!
//! What is read back is believed only where nobody else can have written or read it: a file of this user, no link,
//! closed to everybody else.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use zeroize::Zeroizing;

/// Makes a folder with those above it. One that is there must belong to this user, and becomes closed to others.
pub(crate) fn folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

/// Makes a folder for secrets: as [`folder`], and one that is there is no link and this user's own, also for the
/// administrator, who may change those of others.
pub(crate) fn own_folder(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_dir() => return Err(io::Error::other("it is no folder")),
        Ok(found) => check_owner(&found)?,
        Err(_) => {}
    }
    folder(path)
}

/// Writes a file in a folder that is there: beside its place, then by renaming.
pub(crate) fn write(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new(""));
    // Its mode is 0600 from the start.
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
    parts.iter().try_for_each(|part| file.write_all(part))?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync_folder(folder)
}

/// Writes a file as [`write`] does. The caller holds the lock that all its writers take, so the name beside it is
/// always the same one, and what a killed writer left there is gone with the next.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = beside(path);
    remove(&beside)?;
    let written = write_new(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if let Err(error) = written {
        // The first error says more than one about what it left.
        let _ = remove(&beside);
        return Err(error);
    }
    sync_folder(path.parent().unwrap_or(Path::new("")))
}

/// What the name of a file that is being replaced ends with.
pub(crate) const BESIDE: &str = ".new";

/// The file that [`replace`] writes before it takes its place.
fn beside(path: &Path) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(BESIDE);
    name.into()
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = guarded(OpenOptions::new().write(true).create_new(true)).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Removes a file with what a killed writer left beside it.
pub(crate) fn forget(path: &Path) -> io::Result<()> {
    remove(&beside(path))?;
    remove(path)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Reads a file of at most `largest` bytes that nobody else can have written or read.
pub(crate) fn read(path: &Path, largest: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = guarded(OpenOptions::new().read(true)).open(path)?;
    let length = check(&file)?;
    if length > largest {
        return Err(io::Error::other("it is too large"));
    }
    // Room for all of it: what a growing buffer leaves behind would not be wiped.
    let room = usize::try_from(length).unwrap_or_default().saturating_add(64);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens a file to be locked; it is made where it is missing.
pub(crate) fn lock_file(path: &Path) -> io::Result<File> {
    let file = guarded(OpenOptions::new().read(true).write(true).create(true).truncate(false)).open(path)?;
    check(&file)?;
    Ok(file)
}

/// No link is followed, no pipe is waited for, and what is made is the owner's alone.
#[cfg(unix)]
fn guarded(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;

    use rustix::fs::OFlags;

    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    options.mode(0o600).custom_flags(i32::try_from(flags.bits()).unwrap_or_default())
}

/// The folder's own rules hold.
#[cfg(not(unix))]
fn guarded(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Refuses what is no file, another user's, or open to others; returns its length.
fn check(file: &File) -> io::Result<u64> {
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    check_owner(&found)?;
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o077 != 0 {
        return Err(io::Error::other("it is open to other users"));
    }
    Ok(found.len())
}

#[cfg(unix)]
fn check_owner(found: &fs::Metadata) -> io::Result<()> {
    let own = rustix::process::geteuid().as_raw();
    if std::os::unix::fs::MetadataExt::uid(found) == own {
        return Ok(());
    }
    Err(io::Error::other("it belongs to another user"))
}

/// The folder's own rules hold.
#[cfg(not(unix))]
fn check_owner(_: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

/// Makes a renaming last through a power failure.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

/// Folders cannot be opened there.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::print_stderr,
        reason = "a failed test may panic, a skipped one says so"
    )]

    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_written_is_the_owners_alone() {
        let home = tempfile::tempdir().unwrap();
        let inner = home.path().join("a/b");
        folder(&inner).unwrap();
        fs::set_permissions(&inner, PermissionsExt::from_mode(0o755)).unwrap();
        folder(&inner).unwrap();
        assert_eq!((mode(&home.path().join("a")), mode(&inner)), (0o700, 0o700));
        let file = inner.join("file");
        for writes in [|path: &Path| write(path, &[b"new", b"!"]), |path: &Path| replace(path, b"new!")] {
            fs::write(&file, "old, open to all").unwrap();
            fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
            assert_eq!(read(&file, 100).unwrap_err().to_string(), "it is open to other users");
            writes(&file).unwrap();
            assert_eq!((read(&file, 100).unwrap().as_slice(), mode(&file)), (b"new!".as_slice(), 0o600));
            assert_eq!(fs::read_dir(&inner).unwrap().count(), 1, "nothing is left beside it");
        }
        assert_eq!(read(&file, 3).unwrap_err().to_string(), "it is too large");
        forget(&file).unwrap();
        forget(&file).unwrap();
        assert_eq!(read(&file, 100).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn what_cannot_be_written_leaves_the_old_file() {
        let home = tempfile::tempdir().unwrap();
        let gone = home.path().join("gone/file");
        let taken = home.path().join("taken");
        fs::create_dir(&taken).unwrap();
        for writes in [|path: &Path| write(path, &[b"x"]), |path: &Path| replace(path, b"x")] {
            assert!(writes(&gone).is_err());
            assert!(writes(&taken).is_err(), "a folder stands there");
            assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "nothing is left beside it");
        }
    }

    #[test]
    fn what_a_killed_writer_left_is_overwritten() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file.token");
        fs::write(home.path().join("file.token.new"), "half").unwrap();
        replace(&file, b"whole").unwrap();
        assert_eq!(read(&file, 100).unwrap().as_slice(), b"whole");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn links_pipes_and_folders_are_not_read() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        replace(&at("file"), b"x").unwrap();
        symlink(at("file"), at("link")).unwrap();
        symlink(home.path(), at("here")).unwrap();
        fs::create_dir(at("folder")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap();
        assert!(made.success());
        for name in ["link", "folder", "pipe"] {
            assert!(read(&at(name), 100).is_err(), "{name}");
            assert!(lock_file(&at(name)).is_err(), "{name}");
        }
        assert!(own_folder(&at("here")).is_err() && own_folder(&at("file")).is_err());
        own_folder(&at("folder")).unwrap();
        assert_eq!((mode(&at("folder")), read(&at("file"), 1).unwrap().as_slice()), (0o700, b"x".as_slice()));
    }

    #[test]
    fn what_belongs_to_another_user_is_not_read() {
        let home = tempfile::tempdir().unwrap();
        let (file, folder) = (home.path().join("file"), home.path().join("folder"));
        replace(&file, b"x").unwrap();
        own_folder(&folder).unwrap();
        for path in [&file, &folder] {
            if std::os::unix::fs::chown(path, Some(12_345), None).is_err() {
                eprintln!("skipped: only root can give files away");
                return;
            }
        }
        for error in [read(&file, 100).unwrap_err(), own_folder(&folder).unwrap_err()] {
            assert_eq!(error.to_string(), "it belongs to another user");
        }
    }

    #[test]
    fn what_cannot_be_removed_is_told() {
        let home = tempfile::tempdir().unwrap();
        let (file, beside) = (home.path().join("file.token"), home.path().join("file.lock.new"));
        fs::create_dir(&file).unwrap();
        assert!(forget(&file).is_err(), "a folder stands there");
        fs::create_dir(&beside).unwrap();
        assert!(forget(&home.path().join("file.lock")).is_err(), "and one beside it");
        assert!(replace(&home.path().join("file.lock"), b"x").is_err());
    }
}
