//! Where the program keeps things: the cache folder (XDG Base Directory Specification).

use std::path::PathBuf;

type Lookup<'l> = &'l dyn Fn(&str) -> Option<String>;

/// The folder for what can be had again: `OPCALL_CACHE_DIR`, else `opcall` in the user's cache folder. `None` where
/// the environment tells neither.
pub(crate) fn cache(variable: Lookup<'_>) -> Option<PathBuf> {
    if let Some(folder) = variable("OPCALL_CACHE_DIR") {
        return Some(folder.into());
    }
    if cfg!(windows) {
        return absolute(variable, "LOCALAPPDATA").map(|folder| folder.join("opcall").join("cache"));
    }
    let home = || absolute(variable, "HOME").map(|home| home.join(".cache"));
    absolute(variable, "XDG_CACHE_HOME").or_else(home).map(|folder| folder.join("opcall"))
}

/// A folder by a variable; a relative one counts as not set, as the specification has it.
fn absolute(variable: Lookup<'_>, name: &str) -> Option<PathBuf> {
    variable(name).map(PathBuf::from).filter(|folder| folder.is_absolute())
}
