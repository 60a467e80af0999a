//! Small descriptions, one a feature of a format's version: what each becomes.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use opcall::Harness;
use opcall::operation::{MediaTypeDef, OperationDef, ParameterDef, SchemaDef, ServerDef, Types};
use opcall::source::FolderSource;
use opcall::spec::{self, Depth, Description};
use serde_json::json;

#[test]
fn each_feature_becomes_what_its_version_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/specs");
    let source = FolderSource::new(&folder);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    for path in files {
        let name = path.file_stem().unwrap().to_string_lossy();
        let file = path.file_name().unwrap().to_string_lossy();
        let bytes = fs::read(&path).unwrap();
        let read = spec::read(&file, &bytes, &source, Depth::Requests).unwrap();
        for depth in [Depth::Requests, Depth::Answers] {
            super::spec::equal(
                &file,
                &spec::json(&file, &bytes, spec::Limits::default()).unwrap().0,
                &source,
                depth,
            );
        }
        let told = told(&read);
        insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(name.as_ref(), told);
        });
    }
}

fn told(read: &Description) -> String {
    let mut text = format!("{}: {}\n", read.format, read.service.title);
    servers(&mut text, "", &read.service.servers);
    for scheme in &read.service.security_schemes {
        writeln!(text, "scheme {}: {:?}", scheme.name, scheme.kind).unwrap();
    }
    for one in &read.operations {
        operation(&mut text, one);
    }
    for warning in &read.warnings {
        writeln!(text, "! {}: {} ({})", warning.pointer, warning.problem, warning.effect).unwrap();
    }
    text
}

fn servers(text: &mut String, margin: &str, servers: &[ServerDef]) {
    for server in servers {
        writeln!(text, "{margin}server {} {}", server.url, server.name.as_deref().unwrap_or_default())
            .unwrap();
        for one in &server.variables {
            let default = one.default.as_deref().map_or("no default".to_owned(), |text| format!("{text:?}"));
            writeln!(text, "{margin}  variable {} = {default} {:?}", one.name, one.choices).unwrap();
        }
    }
}

fn operation(text: &mut String, one: &OperationDef) {
    writeln!(text, "\n{} {} {}", one.id, one.method, one.path).unwrap();
    servers(text, "  ", &one.servers);
    for set in &one.security {
        let uses = set.iter().map(|one| format!("{}{:?}", one.scheme, one.scopes));
        writeln!(text, "  security {}", uses.collect::<Vec<_>>().join(" and ")).unwrap();
    }
    one.parameters.iter().for_each(|one| parameter(text, one));
    for media_type in one.body.iter().flat_map(|body| &body.media_types) {
        let required = one.body.as_ref().is_some_and(|body| body.required);
        body(text, media_type, required);
    }
    for response in &one.responses {
        writeln!(text, "  answer {} {}", response.status, response.media_types.join(", ")).unwrap();
    }
    for (reference, schema) in one.schemas.iter() {
        writeln!(text, "  reaches {reference} = {schema}").unwrap();
    }
}

fn parameter(text: &mut String, one: &ParameterDef) {
    let marks = [(one.required, " required"), (one.explode, " explode"), (one.allow_reserved, " reserved")];
    let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
    let content = one.content.as_deref().map(|media| format!(" as {media}")).unwrap_or_default();
    let (place, style) = (one.location.as_str(), one.style.as_str());
    writeln!(text, "  {place} {} {style}{marks}{content}: {}", one.name, schema(&one.schema)).unwrap();
}

fn body(text: &mut String, one: &MediaTypeDef, required: bool) {
    let marks = [(required, " required"), (one.open, " open")];
    let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
    writeln!(text, "  body {}{marks}: {}", one.name, schema(&one.schema)).unwrap();
    for property in &one.properties {
        let marks = [(property.required, " required"), (property.read_only, " read-only")];
        let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
        writeln!(text, "    .{}{marks}: {}", property.name, schema(&property.schema)).unwrap();
    }
    if let Some(encoding) = &one.encoding {
        writeln!(text, "    encoding {encoding}").unwrap();
    }
}

fn schema(one: &SchemaDef) -> String {
    let types = |types: Types| match types.words().collect::<Vec<_>>() {
        words if words.is_empty() => "any".to_owned(),
        words => words.join("|"),
    };
    let marks = [(one.constrained, " constrained"), (one.binary, " bytes")];
    let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
    format!("{} of {}{marks} {}", types(one.types), types(one.items), one.text)
}

#[test]
fn what_a_document_says_goes_on_the_wire() {
    let list = json!(["a", "b c"]);
    let cases = [
        (
            "swagger2-collection-formats",
            "listPets",
            json!({"ids": [1, 2], "default": list, "ssv": list, "tsv": list, "pipes": list, "multi": list,
                "X-Csv": list, "X-Pipes": list}),
        ),
        ("swagger2-bodies", "addPet", json!({"name": "Rex", "kind": null})),
        ("swagger2-bodies", "noteOfPathItem", json!({"body": "a note"})),
        (
            "swagger2-forms",
            "urlencodedByDefault",
            json!({"id": "7", "token": "t", "tags": list, "again": list, "tabs": list}),
        ),
        ("openapi31-schemas", "addPet", json!({"tuple": ["a", 1], "either": "x", "id": "i", "kind": "cat"})),
        ("openapi32-methods", "queryPets", json!({"any": [1]})),
        ("openapi32-parameters", "listPets", json!({"whole": {"a": 1}, "session": list})),
        ("openapi32-parameters", "mixed", json!({"whole": {"a": 1}, "path": "a/b"})),
        ("openapi32-streams", "sendEvents", json!({"body": [{"id": 1}, {"id": 2}]})),
    ];
    let mut text = String::new();
    for (file, id, arguments) in cases {
        let path = format!("{}/tests/data/specs/{file}.yaml", env!("CARGO_MANIFEST_DIR"));
        let harness = Harness::builder().env(|_| None).spec(path).build().unwrap();
        let request = harness.command(id, arguments).server("https://api.example.com");
        let request =
            if file == "openapi32-streams" { request.content_type("application/jsonl") } else { request };
        writeln!(text, "{}\n", request.prepare().unwrap()).unwrap();
    }
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("on-the-wire", text);
    });
}
