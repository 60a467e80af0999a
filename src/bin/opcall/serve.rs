//! `opcall sandbox`: runs the sandbox until it is ended, and says how to call it.

use std::io::Write;

use opcall::OperationTable;
use opcall::sandbox::{DemoCredentials, Fault, InvalidFault, Sandbox, SandboxBuilder};

use crate::args::SandboxArgs;
use crate::output::{Screen, paint};
use crate::remembered::Wanted;
use crate::report::Failure;
use crate::{session, subject};

/// Runs the sandbox.
///
/// # Errors
/// Where a fault is none, no port can be had, the state or a document cannot be read, or a signal ends it.
pub(crate) fn run(args: &SandboxArgs, screen: Screen) -> Result<(), Failure> {
    let known = session::known(&args.source, &args.common, Wanted::Named)?;
    let table = &known.table;
    subject::check_service((table, &known.others), args.source.api.as_deref())?;
    let mut builder = known.documents.iter().cloned().fold(Sandbox::builder(), SandboxBuilder::document);
    for text in &args.faults {
        builder = builder.fault(fault(text, table)?);
    }
    if let Some(path) = &args.state {
        builder = builder.state_file(path);
    }
    if let Some(seed) = args.seed {
        builder = builder.seed(seed);
    }
    if let Some(clock) = args.clock {
        builder = builder.clock(clock);
    }
    if let Some(calls) = args.rate {
        builder = builder.rate(calls);
    }
    if let Some(entries) = args.page {
        builder = builder.page(entries);
    }
    builder = builder.port(args.port);
    session::run(async {
        let sandbox = builder.start().await?;
        let mut out = screen.out();
        introduce(&mut out, &sandbox, table, screen)?;
        out.flush()?;
        sandbox.wait().await;
        Ok(())
    })
}

/// Reads a fault, which must be about an operation, the token endpoint or everything.
fn fault(text: &str, table: &OperationTable) -> Result<Fault, Failure> {
    let fault: Fault = text.parse().map_err(|error: InvalidFault| Failure::usage(error.to_string(), None))?;
    let name = text.split(';').next().and_then(|head| head.rsplit_once(':')).map_or(text, |(name, _)| name);
    let is_special = |name: &str| matches!(name, "*" | "token");
    let name = name.trim();
    if is_special(name) || name.split_once(':').is_some_and(|(_, name)| is_special(name)) {
        return Ok(fault);
    }
    match table.get(name) {
        Err(error @ opcall::Error::UnknownOperation(_)) => Err(error.into()),
        _ => Ok(fault),
    }
}

/// The addresses, and lines for a shell that call them.
fn introduce(
    out: &mut impl Write,
    sandbox: &Sandbox,
    table: &OperationTable,
    screen: Screen,
) -> std::io::Result<()> {
    for service in table.services() {
        writeln!(out, "# {}", paint(service, screen.heading()))?;
        let callers = sandbox.credentials(service);
        write_variable(out, table, service, "base_url", &sandbox.url_of(service))?;
        for (key, value) in callers.first().into_iter().flat_map(members) {
            write_variable(out, table, service, key, value)?;
        }
        for caller in callers.iter().skip(1) {
            let words: Vec<_> = members(caller).map(|(key, value)| format!("{key} {value}")).collect();
            writeln!(out, "#   {}: {}", caller.role, words.join(", "))?;
        }
    }
    writeln!(out, "# Ready; Ctrl-C ends it.")
}

fn members(caller: &DemoCredentials) -> impl Iterator<Item = (&'static str, &'static str)> {
    [
        ("client_id", caller.client_id),
        ("client_secret", caller.client_secret),
        ("api_key", caller.api_key),
        ("access_token", caller.access_token),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key, value?)))
}

/// A line that sets the first variable of the service that stands for a key, or a comment where there is none.
fn write_variable(
    out: &mut impl Write,
    table: &OperationTable,
    service: &str,
    key: &str,
    value: &str,
) -> std::io::Result<()> {
    let variables = table.environment(service).iter().find(|(known, _)| known == key);
    match variables.and_then(|(_, names)| names.first()) {
        Some(name) => writeln!(out, "export {name}={value}"),
        None => writeln!(out, "#   {key} {value}"),
    }
}
