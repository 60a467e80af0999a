//! Files and folders that only their owner may read, written so that a crash leaves the old file or the new one.

use std::fs::{self, DirBuilder};
use std::io::{self, Write as _};
use std::path::Path;

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

/// Writes a file in a folder that is there: beside its place, then by renaming.
pub(crate) fn write(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new(""));
    // Its mode is 0600 from the start.
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
    parts.iter().try_for_each(|part| file.write_all(part))?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use std::os::unix::fs::PermissionsExt;

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
        fs::write(&file, "old, open to all").unwrap();
        write(&file, &[b"new", b"!"]).unwrap();
        assert_eq!((fs::read(&file).unwrap().as_slice(), mode(&file)), (b"new!".as_slice(), 0o600));
        assert_eq!(fs::read_dir(&inner).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_cannot_be_written_leaves_the_old_file() {
        let home = tempfile::tempdir().unwrap();
        let gone = home.path().join("gone/file");
        assert!(write(&gone, &[b"x"]).is_err());
        let taken = home.path().join("taken");
        fs::create_dir(&taken).unwrap();
        assert!(write(&taken, &[b"x"]).is_err(), "a folder stands there");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "nothing is left beside it");
    }
}
