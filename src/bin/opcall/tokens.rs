//! Which services' tokens are kept between calls, and where: in `tokens` of the cache folder, all with `--token-cache`,
//! else those of services that were signed in to by `opcall auth login`, which leaves a mark there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use opcall::{HarnessBuilder, OperationTable};

use crate::args::Target;
use crate::config::is_name;
use crate::report::Failure;
use crate::{folders, session};

/// The ending of a mark.
const MARK: &str = "login";

/// The folder that tokens are kept in.
///
/// # Errors
/// Where the environment does not tell it.
pub(crate) fn folder() -> Result<PathBuf, Failure> {
    known_folder()
        .ok_or_else(|| folders::unknown("the place of the cache folder", "HOME or OPCALL_CACHE_DIR"))
}

fn known_folder() -> Option<PathBuf> {
    folders::cache(&session::variable).map(|folder| folder.join("tokens"))
}

/// Lets a harness keep tokens, where the command line, the environment or a mark says so.
///
/// # Errors
/// Where they are to be kept and no folder is known.
pub(crate) fn keep(
    builder: HarnessBuilder,
    target: &Target,
    table: &OperationTable,
) -> Result<HarnessBuilder, Failure> {
    if target.sandbox || target.no_token_cache {
        return Ok(builder);
    }
    if target.token_cache {
        return Ok(builder.token_cache(folder()?));
    }
    let Some(folder) = known_folder() else { return Ok(builder) };
    let marked = marked(&folder).into_iter().filter(|service| table.definition(service).is_some());
    Ok(marked.fold(builder, |builder, service| builder.token_cache_for(service, &folder)))
}

/// The services that have a mark.
fn marked(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let service = |path: PathBuf| {
        let is_mark = path.extension().is_some_and(|ending| ending == MARK);
        path.file_stem()?.to_str().filter(|_| is_mark).map(str::to_owned)
    };
    entries.filter_map(|entry| service(entry.path())).collect()
}

fn mark_of(folder: &Path, service: &str) -> PathBuf {
    folder.join(format!("{service}.{MARK}"))
}

/// Leaves a mark, so that the tokens of a service are kept from now on. The folder is there already.
///
/// # Errors
/// Where it cannot be written.
pub(crate) fn mark(folder: &Path, service: &str) -> Result<(), Failure> {
    if !is_name(service) {
        let problem = format!("\"{service}\" cannot be signed in to for good: its name is no file's name");
        return Err(Failure::usage(problem, Some("give --token-cache with each call.".to_owned())));
    }
    let written = write(folder, &mark_of(folder, service));
    written.map_err(|error| Failure::io(format!("writing in {}", folder.display()), error))
}

/// Writes a mark that is its owner's alone from the start, also in place of one that others may read.
fn write(folder: &Path, mark: &Path) -> io::Result<()> {
    tempfile::Builder::new().prefix(".login-").tempfile_in(folder)?.persist(mark)?;
    Ok(())
}

/// Takes the mark away.
///
/// # Errors
/// Where it cannot be removed.
pub(crate) fn unmark(folder: &Path, service: &str) -> Result<(), Failure> {
    match fs::remove_file(mark_of(folder, service)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::io(format!("writing in {}", folder.display()), error))
        }
        _ => Ok(()),
    }
}
