//! `opcall show`: one operation, for people or as the JSON object of `describe`.

use std::io::{self, Write};

use opcall::{MediaType, Operation, OperationTable, Parameter};

use crate::args::{ShowArgs, ShowOutput};
use crate::arguments_schema::body_of;
use crate::describe;
use crate::output::{Screen, escape, layout, paint};
use crate::remembered::Wanted;
use crate::report::Failure;
use crate::servers;
use crate::session;
use crate::subject;
use crate::{example, explain};

/// Prints one operation.
///
/// # Errors
/// Where no operation or several have the name, a document cannot be read, or standard output cannot be written.
pub(crate) fn run(args: &ShowArgs, screen: Screen) -> Result<(), Failure> {
    let known = session::known(&args.source, &args.common, Wanted::Name(&args.operation))?;
    let table = &known.table;
    let operation = subject::listed((table, &known.others), args.source.api.as_deref(), &args.operation)?;
    let said = args.explain.then(|| table.explain(operation)).transpose()?;
    let mut out = screen.out();
    match args.output.unwrap_or_default() {
        ShowOutput::Auto => {
            write_text(&mut out, operation, table, screen)?;
            said.iter().try_for_each(|said| explain::write_text(&mut out, said, screen))?;
        }
        ShowOutput::Json => {
            let mut object = describe::to_json(operation);
            object["servers"] = servers::to_json(&table.servers(operation));
            if let Some(said) = &said {
                object["explain"] = explain::to_json(said);
            }
            layout(&object.to_string(), screen.json(), &mut out)?;
            writeln!(out)?;
        }
    }
    Ok(out.flush()?)
}

fn write_text(
    out: &mut impl Write,
    operation: Operation<'_>,
    table: &OperationTable,
    screen: Screen,
) -> io::Result<()> {
    let heading = |text: &str| paint(&escape(text), screen.heading());
    writeln!(
        out,
        "{}  {} {}",
        heading(&operation.qualified_id()),
        operation.method(),
        escape(operation.path())
    )?;
    for text in [operation.summary(), operation.description()].into_iter().flatten() {
        text.lines().try_for_each(|line| writeln!(out, "  {}", escape(line)))?;
    }
    for (word, value) in facts(operation) {
        writeln!(out, "  {word}: {}", escape(&value))?;
    }
    if operation.parameters().len() > 0 {
        writeln!(out, "\n{}", heading("Parameters"))?;
        write_rows(out, operation.parameters().map(|one| parameter(operation, one)))?;
    }
    if let Some(media_type) = body_of(operation) {
        writeln!(out, "\n{}", heading(&body_heading(operation, media_type)))?;
        write_rows(out, properties(operation, media_type))?;
    }
    writeln!(out, "\n{}", heading("Servers (--server INDEX or NAME)"))?;
    servers::write_text(out, &table.servers(operation))?;
    writeln!(out, "\n{}\n  {}", heading("Example"), escape(&example::line(operation, table)))
}

fn facts(operation: Operation<'_>) -> Vec<(&'static str, String)> {
    let join = |words: Vec<&str>| (!words.is_empty()).then(|| words.join(", "));
    let responses = operation.responses().map(|(status, _)| status).collect();
    [
        ("deprecated", operation.deprecated().then(|| "yes".to_owned())),
        ("aliases", join(operation.aliases().collect())),
        ("tags", join(operation.tags().collect())),
        ("permission", operation.scope().map(Into::into)),
        ("answers", join(responses)),
    ]
    .into_iter()
    .filter_map(|(word, value)| Some((word, value?)))
    .collect()
}

/// A name with its mark, place, type, and the rest.
type Row = [String; 4];

fn marked(name: &str, is_required: bool) -> String {
    format!("{name}{}", if is_required { " *" } else { "" })
}

fn parameter(operation: Operation<'_>, parameter: Parameter<'_>) -> Row {
    let limits = describe::limits_in_words(operation, parameter.schema());
    let description =
        parameter.description().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    let rest =
        [limits, description].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(". ");
    [
        marked(parameter.name(), parameter.required()),
        parameter.location().as_str().into(),
        describe::type_in_words(parameter.schema()),
        rest,
    ]
}

fn properties<'t>(operation: Operation<'t>, media_type: MediaType<'t>) -> impl Iterator<Item = Row> {
    let declared = media_type.properties().filter(|property| !property.read_only()).map(move |property| {
        let limits = describe::limits_in_words(operation, property.schema());
        [
            marked(property.name(), property.required()),
            "body".into(),
            describe::type_in_words(property.schema()),
            limits,
        ]
    });
    let whole = (media_type.properties().len() == 0).then(|| {
        let kind = describe::type_in_words(media_type.schema());
        ["body".into(), "body".into(), kind, "the whole body: @FILE, @- or body:=JSON".into()]
    });
    let further = (media_type.is_open() && media_type.properties().len() > 0)
        .then(|| ["...".into(), "body".into(), "any".into(), "further names are welcome".into()]);
    declared.chain(whole).chain(further)
}

fn body_heading(operation: Operation<'_>, chosen: MediaType<'_>) -> String {
    let is_required = operation.body().is_some_and(opcall::RequestBody::required);
    let others = operation.body().map_or(0, |body| body.media_types().len().saturating_sub(1));
    let others = if others == 0 { String::new() } else { format!(" or {others} more (--content-type)") };
    format!("Body ({}{others}{})", chosen.name(), if is_required { ", required" } else { "" })
}

fn write_rows(out: &mut impl Write, rows: impl Iterator<Item = Row>) -> io::Result<()> {
    let rows: Vec<Row> = rows.collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|text| text.chars().count()).max().unwrap_or(0)
    };
    let (names, places, types) = (width(0), width(1), width(2));
    for [name, place, kind, rest] in &rows {
        let line = format!("  {name:names$}  {place:places$}  {kind:types$}  {rest}");
        writeln!(out, "{}", escape(line.trim_end()))?;
    }
    Ok(())
}
