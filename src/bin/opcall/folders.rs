//! Where the program keeps things: the cache folder and the configuration file (XDG Base Directory Specification).

use std::path::{Path, PathBuf};

use crate::report::Failure;

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

/// The configuration file: the one given, else `OPCALL_CONFIG`, else `opcall/config.toml` in the user's configuration
/// folder. `None` where nothing tells.
pub(crate) fn config(given: Option<&Path>, variable: Lookup<'_>) -> Option<PathBuf> {
    if let Some(file) = given {
        return Some(file.to_owned());
    }
    if let Some(file) = variable("OPCALL_CONFIG") {
        return Some(file.into());
    }
    let folder = if cfg!(windows) {
        absolute(variable, "APPDATA")
    } else {
        let home = || absolute(variable, "HOME").map(|home| home.join(".config"));
        absolute(variable, "XDG_CONFIG_HOME").or_else(home)
    };
    folder.map(|folder| folder.join("opcall").join("config.toml"))
}

/// A folder by a variable; a relative one counts as not set, as the specification has it.
fn absolute(variable: Lookup<'_>, name: &str) -> Option<PathBuf> {
    variable(name).map(PathBuf::from).filter(|folder| folder.is_absolute())
}

/// What to say where no folder is known.
pub(crate) fn unknown(what: &str, variables: &str) -> Failure {
    Failure::usage(format!("{what} is not known"), Some(format!("set {variables}.")))
}

#[cfg(all(test, unix))]
mod tests {
    use std::path::{Path, PathBuf};

    fn of(pairs: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<String> {
        |name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn the_cache_has_its_variable_then_the_users_folder() {
        let at = |pairs| super::cache(&of(pairs));
        assert_eq!(at(&[("OPCALL_CACHE_DIR", "c"), ("HOME", "/h")]), Some(PathBuf::from("c")));
        assert_eq!(at(&[("XDG_CACHE_HOME", "/x"), ("HOME", "/h")]), Some(PathBuf::from("/x/opcall")));
        assert_eq!(at(&[("XDG_CACHE_HOME", "x"), ("HOME", "/h")]), Some(PathBuf::from("/h/.cache/opcall")));
        assert_eq!(at(&[]), None);
    }

    #[test]
    fn the_configuration_is_named_or_in_the_users_folder() {
        let at = |given: Option<&str>, pairs| super::config(given.map(Path::new), &of(pairs));
        assert_eq!(at(Some("a.toml"), &[("OPCALL_CONFIG", "b.toml")]), Some(PathBuf::from("a.toml")));
        assert_eq!(at(None, &[("OPCALL_CONFIG", "b.toml"), ("HOME", "/h")]), Some(PathBuf::from("b.toml")));
        assert_eq!(at(None, &[("HOME", "/h")]), Some(PathBuf::from("/h/.config/opcall/config.toml")));
        assert_eq!(at(None, &[("XDG_CONFIG_HOME", "/x")]), Some(PathBuf::from("/x/opcall/config.toml")));
    }
}
