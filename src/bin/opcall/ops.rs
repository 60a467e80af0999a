//! `opcall ops`: the operations that have all the words.

use std::io::Write;

use opcall::{Operation, OperationTable};

use crate::args::{ListOutput, OpsArgs};
use crate::describe;
use crate::output::{Screen, escape, paint};
use crate::remembered::Wanted;
use crate::report::Failure;
use crate::{session, subject};

/// Prints the operations that were asked for.
///
/// # Errors
/// Where a document cannot be read or standard output cannot be written.
pub(crate) fn run(args: &OpsArgs, screen: Screen) -> Result<(), Failure> {
    let known = session::known(&args.source, &args.common, Wanted::All)?;
    subject::check_service((&known.table, &known.others), args.source.api.as_deref())?;
    let found = matching(&known.table, args);
    if found.is_empty() && !args.common.quiet {
        session::note("no operation has all of these words");
    }
    let mut out = screen.out();
    match args.output.unwrap_or_default() {
        ListOutput::Auto => write_table(&mut out, &found, screen)?,
        ListOutput::Names => {
            found.iter().try_for_each(|one| writeln!(out, "{}", escape(&one.qualified_id())))?;
        }
        ListOutput::Ndjson => {
            found.iter().try_for_each(|one| writeln!(out, "{}", describe::to_json(*one)))?;
        }
        ListOutput::Json => write_array(&mut out, &found)?,
    }
    Ok(out.flush()?)
}

fn matching<'t>(table: &'t OperationTable, args: &OpsArgs) -> Vec<Operation<'t>> {
    let words = args.words.join(" ");
    let found = if words.is_empty() { table.iter().collect() } else { table.search(&words) };
    let is_meant = |one: &Operation<'_>| args.source.api.as_deref().is_none_or(|api| api == one.service());
    found.into_iter().filter(is_meant).collect()
}

fn write_array(out: &mut impl Write, found: &[Operation<'_>]) -> std::io::Result<()> {
    out.write_all(b"[")?;
    for (number, operation) in found.iter().enumerate() {
        let separator = if number == 0 { "\n" } else { ",\n" };
        write!(out, "{separator}{}", describe::to_json(*operation))?;
    }
    writeln!(out, "\n]")
}

fn write_table(out: &mut impl Write, found: &[Operation<'_>], screen: Screen) -> std::io::Result<()> {
    let width = found.iter().map(|one| one.qualified_id().chars().count()).max().unwrap_or(0);
    for operation in found {
        let summary = operation.summary().unwrap_or_default();
        let id = operation.qualified_id();
        let padding = " ".repeat(width - id.chars().count());
        let id = paint(&escape(&id), screen.heading());
        let line = format!("{:6} {}  {summary}", operation.method().as_str(), operation.path());
        writeln!(out, "{id}{padding}  {}", escape(line.trim_end()))?;
    }
    Ok(())
}
