//! GraphQL beside a document: deep, cyclic, huge, cut off and wrong.

use super::{Cases, Either, Read, Refused};
use crate::support::proof;

pub(super) fn graphql(cases: &mut Cases) {
    let service = "openapi: 3.0.3\npaths:\n  /graphql:\n    post:\n      x-graphql: {documents: [a.graphql], schema: s.graphql}\n      \
                   requestBody: {content: {application/json: {}}}\n";
    let schema = "type Query { a(x: In, y: [In]): String } input In { in: In, s: String }";
    let many = proof(2_000, 100_000);
    let deep = |open: &str, middle: &str, close: &str| {
        format!("{}{middle}{}", open.repeat(10_000), close.repeat(10_000))
    };
    let fragments: String = (0..many)
        .map(|number| format!("fragment f{number} on Q {{ ...f{} }}\n", (number + 1) % many))
        .collect();
    let operations: String = (0..many).map(|number| format!("query q{number} {{ a }}\n")).collect();
    let with_all: String = (0..many).map(|number| format!("query q{number} {{ ...f0 }}\n")).collect();
    let variables: String = (0..many).map(|number| format!("$v{number}: String ")).collect();
    let queries = [
        ("nothing", String::new(), Refused("not readable as GraphQL")),
        ("a plain query", "query a($x: In) { a(x: $x) }".to_owned(), Read(1)),
        ("deep selections", deep("query a { ", "a", " }"), Refused("not readable as GraphQL")),
        (
            "deep fields",
            format!("query a {}", deep("{ a ", "{ a }", " }")),
            Refused("not readable as GraphQL"),
        ),
        (
            "deep lists",
            format!("query a {{ a(x: {}) }}", deep("[", "1", "]")),
            Refused("not readable as GraphQL"),
        ),
        (
            "deep objects",
            format!("query a {{ a(x: {}) }}", deep("{a: ", "1", "}")),
            Refused("not readable as GraphQL"),
        ),
        (
            "deep types",
            format!("query a($x: {}) {{ a }}", deep("[", "In", "]")),
            Refused("not readable as GraphQL"),
        ),
        ("a fragment in itself", "query a { ...f } fragment f on Q { ...f }".to_owned(), Read(1)),
        (
            "fragments in each other",
            "query a { ...f } fragment f on Q { ...g } fragment g on Q { ...f }".to_owned(),
            Read(1),
        ),
        ("a ring of fragments", format!("query a {{ ...f0 }}\n{fragments}"), Read(1)),
        ("a ring in every query", format!("{with_all}{fragments}"), Either),
        ("no such fragment", "query a { ...gone }".to_owned(), Refused("there is no fragment `gone`")),
        ("many operations", operations, Read(many)),
        ("many variables", format!("query a({variables}) {{ a }}"), Read(1)),
        ("no name", "{ a }".to_owned(), Refused("without a name")),
        ("a name twice", "query a { a } query a { a }".to_owned(), Refused("two operations have the name")),
        ("a subscription", "subscription a { a }".to_owned(), Refused("neither a query nor a mutation")),
        ("an open text", "query a { a(x: \"".to_owned(), Refused("not readable as GraphQL")),
        ("an open block text", "query a { a(x: \"\"\"".to_owned(), Refused("not readable as GraphQL")),
        ("a bad escape", "query a { a(x: \"\\u{110000} \\q\") }".to_owned(), Either),
        ("an unknown type", "query a($x: Gone) { a }".to_owned(), Refused("Gone")),
        ("an unknown field", "query a { gone }".to_owned(), Refused("gone")),
        ("huge numbers", "query a { a(x: 99999999999999999999999999, y: 1e999) }".to_owned(), Either),
        ("a zero", "query a { a \0 }".to_owned(), Refused("not readable as GraphQL")),
        ("comments", "# ".repeat(50_000) + "\nquery a { a }", Read(1)),
        ("a mark", "\u{feff}query a { a }".to_owned(), Read(1)),
        ("directives", format!("query a {} {{ a }}", "@d(x: 1) ".repeat(many)), Read(1)),
    ];
    for (name, query, becomes) in queries {
        cases.yaml(format!("GraphQL: {name}"), service, becomes);
        cases.beside("a.graphql", query);
        cases.beside("s.graphql", schema);
    }
    let enums = (0..many).map(|number| format!("V{number} ")).collect::<String>();
    for (name, schema, becomes) in [
        ("an empty schema", String::new(), Either),
        ("a cut schema", "type Query {".to_owned(), Refused("not readable as GraphQL")),
        (
            "deep lists in a schema",
            format!("type Query {{ a: {} }}", deep("[", "In", "]")),
            Refused("not readable as GraphQL"),
        ),
        (
            "deep defaults in a schema",
            format!("input In {{ a: In = {} }}", deep("{a: ", "1", "}")),
            Refused("not readable as GraphQL"),
        ),
        ("a large enum", format!("type Query {{ a: E }} enum E {{ {enums} }}"), Read(1)),
        (
            "types that extend themselves",
            "type Query { a: Query } extend type Query { a: Query } extend input Gone { a: Gone }".to_owned(),
            Either,
        ),
        (
            "types of one name",
            "type Query { a: In } input In { a: In } enum In { A } scalar In".to_owned(),
            Either,
        ),
    ] {
        cases.yaml(format!("GraphQL: {name}"), service, becomes);
        cases.beside("a.graphql", "query a { a }");
        cases.beside("s.graphql", schema);
    }
    for (name, bytes) in [("UTF-16", &b"\xff\xfeq\0"[..]), ("no UTF-8", b"query \xff"), ("zeros", b"\0\0\0")]
    {
        cases.yaml(format!("GraphQL: {name}"), service, Refused(""));
        cases.beside("a.graphql", bytes);
        cases.beside("s.graphql", schema);
    }
    for carrier in [
        "5",
        "[]",
        "{}",
        "{documents: 5}",
        "{documents: [gone.graphql]}",
        "{documents: ['../a.graphql']}",
        "{documents: [a.graphql], schema: 5}",
        "{documents: []}",
    ] {
        let text = service.replace("{documents: [a.graphql], schema: s.graphql}", carrier);
        cases.yaml(format!("GraphQL: the carrier {carrier}"), text, Either);
        cases.beside("a.graphql", "query a { a }");
    }
}
