//! The servers that an operation's calls can go to, as `show` prints them.

use std::io::{self, Write};

use opcall::Server;
use opcall::operation::ServerVariableDef;
use serde_json::{Value, json};

use crate::output::escape;

/// The array that outside programs rely on.
pub(crate) fn to_json(servers: &[Server]) -> Value {
    let server = |one: &Server| {
        let definition = &one.definition;
        let variable = |one: &ServerVariableDef| {
            json!({
                "name": one.name,
                "default": one.default.as_ref().filter(|_| !one.placeholder),
                "enum": (!one.choices.is_empty()).then_some(&one.choices),
                "description": one.description,
            })
        };
        json!({
            "index": one.index,
            "name": definition.name,
            "description": definition.description,
            "url": definition.url,
            "base_url": one.base_url,
            "variables": definition.variables.iter().map(variable).collect::<Vec<_>>(),
        })
    };
    servers.iter().map(server).collect()
}

/// A row a server, its variables below it. What stands first is what `--server` takes.
pub(crate) fn write_text(out: &mut impl Write, servers: &[Server]) -> io::Result<()> {
    let rows: Vec<(String, String)> = servers.iter().map(|server| (choice(server), said(server))).collect();
    let width = rows.iter().map(|(choice, _)| choice.chars().count()).max().unwrap_or(0);
    for ((choice, said), server) in rows.iter().zip(servers) {
        let padding = " ".repeat(width - choice.chars().count());
        writeln!(out, "  {}{padding}  {}", escape(choice), escape(said))?;
        for variable in &server.definition.variables {
            writeln!(out, "  {:width$}    {}", "", escape(&in_words(variable)))?;
        }
    }
    Ok(())
}

/// The index and the name; a region has its name alone.
fn choice(server: &Server) -> String {
    let name = server.definition.name.clone();
    match server.index {
        Some(index) => name.map_or_else(|| index.to_string(), |name| format!("{index} {name}")),
        None => name.unwrap_or_default(),
    }
}

/// Where it is and what the description says of it, on one line.
fn said(server: &Server) -> String {
    let definition = &server.definition;
    let url = match &server.base_url {
        Some(url) if definition.variables.is_empty() => url,
        _ => &definition.url,
    };
    let description = definition.description.as_deref().unwrap_or_default();
    let description = description.split_whitespace().collect::<Vec<_>>().join(" ");
    let unknown = if server.base_url.is_none() && definition.variables.is_empty() {
        "relative to where the description is served: give --server URL"
    } else {
        ""
    };
    [url.as_str(), &description, unknown]
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect::<Vec<_>>()
        .join("  ")
}

/// `port: one of 443, 8443; default 8443`.
fn in_words(variable: &ServerVariableDef) -> String {
    let mut words = Vec::new();
    if !variable.choices.is_empty() {
        words.push(format!("one of {}", variable.choices.join(", ")));
    }
    match &variable.default {
        Some(default) if !variable.placeholder => words.push(format!("default {default}")),
        _ => words.push("needs a value".to_owned()),
    }
    words.extend(
        variable.description.as_ref().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")),
    );
    format!("{}: {}", variable.name, words.join("; "))
}
