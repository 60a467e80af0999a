//! Secrets stand in this process's memory; no copy of it is to reach a disk or another process.

/// Forbids core files, and on Linux that other processes of this user look in. A program that cannot forbid it works
/// all the same.
#[cfg(unix)]
pub(crate) fn forbid() {
    use rustix::process::{Resource, Rlimit, setrlimit};

    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};

        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// There are none unless the system is told so.
#[cfg(not(unix))]
pub(crate) fn forbid() {}
