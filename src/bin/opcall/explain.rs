//! `opcall show --explain`: who said what, for people and for programs.

use std::io::{self, Write};

use opcall::{Place, Said};
use serde_json::{Value, json};

use crate::output::{Screen, escape, paint};

/// The field `explain` of the JSON object.
pub(crate) fn to_json(said: &[Said]) -> Value {
    let one = |one: &Said| {
        json!({
            "what": one.what,
            "name": one.name,
            "part": one.part,
            "file": one.place.file,
            "pointer": one.place.pointer,
            "line": one.place.line,
            "action": one.place.action,
            "through": one.through.iter().map(place).collect::<Vec<_>>(),
        })
    };
    said.iter().map(one).collect()
}

fn place(place: &Place) -> Value {
    json!({"file": place.file, "pointer": place.pointer, "line": place.line})
}

/// A line for each thing: what, the file with the line, the pointer; below it the references that led there.
///
/// # Errors
/// Where it cannot be written.
pub(crate) fn write_text(out: &mut impl Write, said: &[Said], screen: Screen) -> io::Result<()> {
    writeln!(out, "\n{}", paint("Said by", screen.heading()))?;
    let labels: Vec<String> = said.iter().map(label).collect();
    let width = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
    for (one, label) in said.iter().zip(labels) {
        writeln!(out, "{}", escape(format!("  {label:width$}  {}", in_words(&one.place)).trim_end()))?;
        for reference in &one.through {
            writeln!(out, "{}", escape(&format!("  {:width$}  by way of {}", "", in_words(reference))))?;
        }
    }
    Ok(())
}

fn label(said: &Said) -> String {
    let parts = [Some(&said.what), said.name.as_ref(), said.part.as_ref()];
    parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
}

fn in_words(place: &Place) -> String {
    let line = place.line.map(|line| format!(":{line}")).unwrap_or_default();
    let pointer = place.pointer.as_ref().map(|pointer| format!(" {pointer}")).unwrap_or_default();
    format!("{}{line}{pointer}", place.file)
}
