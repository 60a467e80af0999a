//! Documents that carry GraphQL: each of its operations is read as one of the description.

use super::*;

fn carrier(extension: &Value) -> Value {
    let mut document = document(&json!({"/graphql": {"post": {"tags": ["t"], "x-graphql": extension}}}));
    document["openapi"] = json!("3.0.3");
    document
}

const SCHEMA: &str = "type Query { pets(n: Int): [Pet!]! }\ntype Mutation { add(input: PetInput!): Pet! }\n\
    type Pet { id: ID! }\nscalar Long\nenum Kind { CAT DOG }\n\
    input PetInput { name: String! kind: Kind = CAT born: Long tags: [String!] parent: PetInput }\n";

fn pets_graphql(operations: &str) -> Result<Description, SpecError> {
    Files::default()
        .with(
            "service.yaml",
            &carrier(&json!({"documents": ["ops.graphql"], "schema": "schema.graphql",
                "open-enums": ["Kind"], "scalars": {"Long": "integer"}})),
        )
        .with("schema.graphql", SCHEMA)
        .with("ops.graphql", operations)
        .folder()
}

#[test]
fn each_named_graphql_operation_is_an_operation() {
    let description = pets_graphql(
        "# file header\n\n# List pets.\nquery pets($n: Int = 5, $k: Kind) { all: pets(n: $n) { ...F } }\n\
         mutation add($input: PetInput!, $dry: Boolean!) { add(input: $input) { id } }\n\
         fragment F on Pet { id ...G } fragment G on Pet { id } fragment Unused on Pet { id }",
    )
    .unwrap();
    assert_eq!(description.format, "graphql");
    let [pets, add] = description.operations.as_slice() else { panic!("two operations") };
    assert_eq!((pets.path.as_str(), pets.summary.as_deref()), ("/graphql#pets", Some("List pets.")));
    assert_eq!((pets.tags.as_slice(), pets.idempotent), (["t".to_owned()].as_slice(), Some(true)));
    let graphql = pets.graphql.as_ref().unwrap();
    assert_eq!(
        graphql.query,
        "query pets($n:Int=5$k:Kind){all:pets(n:$n){...F}}fragment F on Pet{id...G}fragment G on Pet{id}"
    );
    assert_eq!((graphql.root_field.as_deref(), graphql.mutation), (Some("all"), false));
    let media_type = |of: &OperationDef| of.body.as_ref().unwrap().media_types[0].clone();
    let expected = json!({"type": "object", "additionalProperties": false, "properties": {
        "n": {"type": "integer", "format": "int32", "nullable": true, "default": 5},
        "k": {"type": "string", "enum": ["CAT", "DOG", null], "x-extensible-enum": true, "nullable": true}}});
    assert_eq!(serde_json::from_str::<Value>(&media_type(pets).schema.text).unwrap(), expected);
    assert!(!pets.body.as_ref().unwrap().required);

    let graphql = add.graphql.as_ref().unwrap();
    assert_eq!((graphql.input.as_deref(), graphql.mutation, add.idempotent), (Some("input"), true, None));
    let media_type = media_type(add);
    let names: Vec<_> = media_type.properties.iter().map(|one| (one.name.as_str(), one.required)).collect();
    let fields =
        [("dry", true), ("name", true), ("kind", false), ("born", false), ("tags", false), ("parent", false)];
    assert_eq!(names, fields);
    let types: Vec<_> = media_type.properties.iter().map(|one| one.schema.types).collect();
    assert_eq!(types[3], Types::INTEGER.with(Types::NULL));
    assert_eq!((types[4], types[5]), (Types::ARRAY.with(Types::NULL), Types::OBJECT.with(Types::NULL)));
    assert_eq!(add.schemas.iter().map(|one| &*one.0).collect::<Vec<_>>(), ["#/graphql/1/PetInput"]);
}

#[test]
fn types_of_one_name_in_two_schemas_are_two() {
    let carrier = |letter: &str| {
        let (file, schema) = (format!("{letter}.graphql"), format!("{letter}.schema.graphql"));
        json!({"post": {"operationId": letter, "x-graphql": {"documents": [file], "schema": schema}}})
    };
    let read = Files::default()
        .with("service.yaml", &document(&json!({"/a": carrier("a"), "/b": carrier("b")})))
        .with("a.graphql", "query qa($i: I!) { f(i: $i) }")
        .with("b.graphql", "query qb($i: I!) { f(i: $i) }")
        .with("a.schema.graphql", "input I { x: Int! } type Query { f(i: I!): Int }")
        .with("b.schema.graphql", "input I { y: String! } type Query { f(i: I!): Int }")
        .folder()
        .unwrap();
    let [a, b] = read.operations.as_slice() else { panic!("two operations") };
    assert_eq!(a.document, b.document);
    let schemas: Vec<_> = a.schemas.iter().chain(b.schemas.iter()).collect();
    assert!(schemas[0].1.contains("\"x\"") && schemas[1].1.contains("\"y\""), "{schemas:?}");
    assert_ne!(schemas[0].0, schemas[1].0, "tables know a schema by its document and its reference");
    let text = |of: &OperationDef| of.body.as_ref().unwrap().media_types[0].schema.text.clone();
    assert!(text(a).contains(&*schemas[0].0) && text(b).contains(&*schemas[1].0));
}

#[test]
fn faults_in_graphql_documents_have_a_place() {
    let fault = |text: &str| {
        let error = pets_graphql(text).unwrap_err();
        (error.position.map(|at| (at.line, at.column)), error.to_string())
    };
    let cases = [
        ("query a {\n  pets( { id } }", (2, 9), "not readable as GraphQL"),
        ("query a { pets { ...X } }", (1, 21), "no fragment `X`"),
        ("{ pets { id } }", (1, 1), "without a name"),
        ("query a($x: Nope) { pets { id } }", (1, 9), "no input type `Nope`"),
        ("query a { cats { id } }", (1, 11), "no query `cats`"),
        ("query a { pets { id } }\nquery a { pets { id } }", (2, 1), "two operations"),
        ("subscription a { pets { id } }", (1, 1), "neither"),
    ];
    for (text, place, problem) in cases {
        let (at, error) = fault(text);
        assert_eq!(at, Some(place), "{error}");
        assert!(error.contains(problem) && error.starts_with("specs/pets/ops.graphql:"), "{error}");
    }
    let files = Files::default()
        .with(
            "service.yaml",
            &carrier(&json!({"documents": ["o.graphql"], "pagination": {
            "gone": {"kind": "offset", "items": "/x"}}})),
        )
        .with("o.graphql", "query a { b }");
    let error = files.folder().unwrap_err();
    assert_eq!(error.pointer.as_deref(), Some("#/paths/~1graphql/post/x-graphql/pagination/gone"), "{error}");
}
