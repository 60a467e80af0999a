//! The rules of the tiers, on small tables made here.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]

use super::*;
use crate::operation::{Method, OperationDef, ServiceDef};
use crate::overlay::Overlays;

fn operation(id: &str, aliases: &[&str], path: &str) -> OperationDef {
    OperationDef {
        id: id.to_owned(),
        aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        path: path.to_owned(),
        ..OperationDef::blank(Method::Get)
    }
}

fn table(name: &str, operations: &[OperationDef]) -> OperationTable {
    let service = ServiceDef { name: name.to_owned(), ..ServiceDef::default() };
    OperationTable::load(format::encode(&service, operations, 7)).unwrap()
}

fn pets() -> OperationTable {
    table(
        "pets",
        &[
            operation("pets_list", &["list-pets"], "/pets"),
            operation("GetRules", &[], "/rules/a"),
            operation("getRules", &[], "/rules/b"),
            operation("get_rules", &[], "/rules/c"),
            operation("api token#list", &[], "/tokens"),
            OperationDef { id_is_made: true, ..operation("get_pets_by_id", &[], "/pets/{id}") },
        ],
    )
}

#[track_caller]
fn path_of(table: &OperationTable, name: &str) -> String {
    table.get(name).unwrap().path().to_owned()
}

#[test]
fn each_tier_finds_its_names() {
    let table = pets();
    for (name, path) in [
        ("pets_list", "/pets"),
        ("pets:pets_list", "/pets"),
        ("list-pets", "/pets"),
        ("get /pets/{id}", "/pets/{id}"),
        ("pets:GET /pets", "/pets"),
        ("get_pets_by_id", "/pets/{id}"),
        ("pets-list", "/pets"),
        ("list_pets", "/pets"),
        ("api_token_list", "/tokens"),
        ("PetsList", "/pets"),
        ("ApiTokenList", "/tokens"),
    ] {
        assert_eq!(path_of(&table, name), path, "{name}");
    }
}

#[test]
fn names_that_differ_by_case_alone_are_exact_or_ambiguous() {
    let table = pets();
    assert_eq!(path_of(&table, "GetRules"), "/rules/a");
    assert_eq!(path_of(&table, "getRules"), "/rules/b");
    assert_eq!(path_of(&table, "get-rules"), "/rules/c", "separators fold before case does");
    let Err(Error::Ambiguous(ambiguous)) = table.get("GETRULES") else { panic!("not ambiguous") };
    assert_eq!(ambiguous.candidates, ["pets:GetRules", "pets:getRules", "pets:get_rules"]);
}

#[test]
fn a_method_and_a_path_mean_that_endpoint_or_none() {
    let table = table("pets", &[operation("post_graphql", &[], "/pets/graphql/v1")]);
    let Err(Error::UnknownOperation(_)) = table.get("POST /graphql") else {
        panic!("another endpoint is meant")
    };
    let Err(Error::UnknownOperation(_)) = table.get("pets:POST /graphql") else { panic!("another is meant") };
    assert_eq!(path_of(&table, "post graphql"), "/pets/graphql/v1");
}

#[test]
fn two_services_with_one_name_are_ambiguous_until_one_is_named() {
    let mut both = pets();
    assert!(both.add(table("shop", &[operation("pets_list", &[], "/shop")])).is_empty());
    let Err(Error::Ambiguous(ambiguous)) = both.get("pets_list") else { panic!("not ambiguous") };
    assert_eq!(ambiguous.candidates, ["pets:pets_list", "shop:pets_list"]);
    assert_eq!(path_of(&both, "shop:pets_list"), "/shop");
    assert_eq!(both.find(Some("shop"), "pets_list").unwrap().path(), "/shop");
}

#[test]
fn a_service_of_the_same_name_replaces_the_one_before() {
    let mut both = pets();
    assert_eq!(both.add(table("pets", &[operation("pets_list", &[], "/new")])), ["pets"]);
    assert_eq!(path_of(&both, "pets_list"), "/new");
    assert_eq!(both.len(), 1);
}

#[test]
fn duplicate_ids_inside_a_document_are_told_apart_by_path() {
    let table = table("pets", &[operation("same", &[], "/a"), operation("same", &[], "/b")]);
    let Err(Error::Ambiguous(ambiguous)) = table.get("same") else { panic!("not ambiguous") };
    assert_eq!(ambiguous.candidates, ["pets:GET /a", "pets:GET /b"]);
    assert_eq!(path_of(&table, "GET /b"), "/b");
}

#[test]
fn twins_are_called_by_what_each_has_alone() {
    let twins = |aliases: [&[&str]; 2]| {
        let table = table("pets", &aliases.map(|aliases| operation("same", aliases, "/a")));
        let Err(error @ Error::Ambiguous(_)) = table.get("same") else { panic!("not ambiguous") };
        let Error::Ambiguous(ambiguous) = &error else { unreachable!() };
        (table, ambiguous.candidates.clone(), error.hint().unwrap())
    };
    let (table, candidates, hint) = twins([&["first", "both"], &["both", "second"]]);
    assert_eq!(candidates, ["pets:first", "pets:second"]);
    assert_eq!(hint, "say which one is meant, such as \"pets:first\".");
    for (row, name) in candidates.iter().enumerate() {
        assert_eq!(table.locate(None, name).unwrap().row as usize, row);
    }
    let (_, candidates, hint) = twins([&[], &["second"]]);
    assert_eq!(candidates, ["pets:second", "pets:GET /a"]);
    assert_eq!(
        hint,
        "say which one is meant, such as \"pets:second\". One of them has no name alone: give it an alias in the \
         description (`x-aliases`), by an overlay if that is not yours."
    );
    let (_, candidates, hint) = twins([&["both"], &["both"]]);
    assert_eq!(candidates, ["pets:GET /a", "pets:GET /a"]);
    assert!(hint.starts_with("2 of them have no name alone: give each an alias"), "{hint}");
}

#[test]
fn the_case_of_a_method_counts_where_a_document_has_both() {
    let own = |id: &str, method: &str| OperationDef {
        id: id.to_owned(),
        path: "/a".to_owned(),
        ..OperationDef::blank(Method::of_token(method).unwrap())
    };
    let table =
        table("pets", &[own("upper", "GET"), own("lower", "get"), own("copy", "copy"), own("lock", "LOCK")]);
    let id = |name: &str| table.get(name).unwrap().id().to_owned();
    assert_eq!([id("GET /a"), id("get /a"), id("Get /a")], ["upper", "lower", "upper"]);
    assert_eq!([id("copy /a"), id("lock /a")], ["copy", "lock"]);
    assert_eq!(table.get("lower").unwrap().method(), Method::Custom("get".into()));
}

#[test]
fn an_unknown_name_suggests_near_ones() {
    let table = pets();
    let Err(Error::UnknownOperation(unknown)) = table.get("pet_list") else { panic!("found") };
    assert_eq!(unknown.suggestions, ["pets_list"]);
    assert_eq!(unknown.word.as_deref(), Some("list"));
    for (name, word) in [
        ("Nope_ToKeN", Some("ToKeN")),
        ("zz pets", Some("pets")),
        ("GET /zzz", Some("GET")),
        ("zzxxyy", None),
    ] {
        let Err(Error::UnknownOperation(unknown)) = table.get(name) else { panic!("found") };
        assert_eq!(unknown.word.as_deref(), word, "{name}");
    }
    let Err(Error::UnknownOperation(unknown)) = table.get("") else { panic!("found") };
    assert!(unknown.suggestions.is_empty());
}

#[test]
fn damaged_bytes_are_refused_or_read_as_nothing() {
    let whole = format::encode(&ServiceDef::default(), &[operation("a", &[], "/a")], 0);
    for end in 0..whole.len() {
        assert!(OperationTable::load(whole[..end].to_vec()).is_err(), "cut at {end}");
    }
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 0xff;
        if let Ok(table) = OperationTable::load(damaged) {
            let _ = table.get("a");
            assert!(table.iter().take(4).all(|operation| operation.qualified_id().contains(':')));
        }
    }
}

#[test]
fn a_document_is_read_as_it_is_asked_for() {
    let json = r#"{"openapi":"3.0.3","info":{"title":"t","version":"1"},"paths":{
        "/pets/{id}":{"parameters":[{"name":"id","in":"path","required":true,"schema":{"type":"integer"}}],
            "get":{"operationId":"getPet","summary":"Get one.","responses":{}},
            "delete":{"responses":{}}}}}"#;
    let yaml = "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths:\n  /pets:\n    get:\n      operationId: listPets\n";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("shop.json"), json).unwrap();
    std::fs::write(folder.path().join("zoo.yaml"), yaml).unwrap();

    let (mut table, warnings) = OperationTable::read(folder.path().join("shop.json")).unwrap();
    assert_eq!(warnings, []);
    table.add(OperationTable::read(folder.path().join("zoo.yaml")).unwrap().0);

    let pet = table.get("get_pet").unwrap();
    assert_eq!((pet.qualified_id().as_str(), pet.summary()), ("shop:getPet", Some("Get one.")));
    assert_eq!(pet.parameters().map(Parameter::name).collect::<Vec<_>>(), ["id"]);
    assert_eq!(table.get("delete_pets_by_id").unwrap().method(), Method::Delete);
    assert_eq!(table.get("zoo:listPets").unwrap().path(), "/pets");
    assert_eq!(table.iter().count(), 3);
    assert_eq!(table.search("one").len(), 1, "the summary of an indexed document is searched");
}

#[cfg(all(feature = "falcon", feature = "panther", feature = "logscale"))]
#[test]
fn the_built_in_tables_find_the_operations_of_the_three_services() {
    let table = OperationTable::built_in();
    for (name, id) in [
        ("tokens_query", "tokens_query"),
        ("tokens-query", "tokens_query"),
        ("TokensQuery", "tokens_query"),
        ("api_token_list", "api token#list"),
        ("panther:api token#rotate", "api token#rotate"),
        ("organization_tokens_create", "organization_tokens_create"),
    ] {
        assert_eq!(table.get(name).unwrap().id(), id, "{name}");
    }
}

#[test]
fn of_twins_the_one_that_can_be_read_is_meant_in_both_readings() {
    // The second document has what only the whole reading takes.
    for more in ["", r#""/c": {"additionalOperations": {}}, "#] {
        let twins =
            r#""/a": {"get": {"operationId": "x"}}, "/b": {"get": {"operationId": "x", "requestBody": {}}}"#;
        let text = format!(r#"{{"openapi": "3.0.3", "paths": {{{more}{twins}}}}}"#);
        let bytes = Cow::Owned(text.into_bytes());
        let (table, _) =
            OperationTable::of_document("d.json", bytes, crate::spec::NoSource, &|_| ()).unwrap();
        assert_eq!(path_of(&table, "x"), "/a");
        assert_eq!(table.lookup("X").unwrap().path(), "/a");
        assert!(table.get("GET /b").is_err());
    }
    let broken = r#"{"openapi": "3.0.3", "paths": {"/a": {"get": {"operationId": "x", "requestBody": {}}},
        "/b": {"get": {"operationId": "x", "requestBody": {}}}}}"#;
    let bytes = Cow::Borrowed(broken.as_bytes());
    let (table, _) = OperationTable::of_document("d.json", bytes, crate::spec::NoSource, &|_| ()).unwrap();
    assert!(matches!(table.get("x"), Err(Error::Ambiguous(_))));
}

/// The emitter and the readers agree: what build.rs made is what reading `specs/` makes now, byte for byte but for the
/// hash of the files, which nobody asks of a table that was made now.
#[test]
fn the_built_in_table_equals_its_specs_read_now() {
    for (service, built_in) in BUILT_IN {
        let folder = std::path::Path::new("specs").join(service);
        let source = crate::source::FolderSource::new(&folder);
        let (loaded, warnings) = loaded::folder(service, &source, &Overlays::default(), &|_| ()).unwrap();
        assert_eq!(warnings, [], "{service}");
        let loaded::Loaded::Compiled(now) = loaded else { panic!("{service} was not read whole") };
        let apart = |table: &[u8]| (table[..8].to_vec(), table[16..].to_vec());
        assert!(apart(&now) == apart(built_in), "{service}: build.rs and run time disagree");
    }
}

/// Every operation of a service as JSON, asked for one by one, says what the whole reading says of it.
#[cfg(feature = "panther")]
#[test]
fn an_operation_asked_for_alone_equals_the_one_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens.json");
    let yaml: serde_json::Value =
        yaml_serde::from_str(&std::fs::read_to_string("specs/panther/api-tokens.yaml").unwrap()).unwrap();
    std::fs::write(&path, yaml.to_string()).unwrap();
    let (lazy, _) = OperationTable::read(&path).unwrap();
    assert_eq!(lazy.len(), 6);
    let built_in = OperationTable::built_in();
    for operation in lazy.iter() {
        let whole = built_in.find(Some("panther"), operation.id()).unwrap();
        let parameters = |of: Operation<'_>| -> Vec<_> {
            of.parameters()
                .map(|one| (one.name().to_owned(), one.location(), one.schema().text().to_owned()))
                .collect()
        };
        let properties = |of: Operation<'_>| -> Vec<_> {
            let media_types = of.body().into_iter().flat_map(RequestBody::media_types);
            media_types.flat_map(MediaType::properties).map(|one| one.name().to_owned()).collect()
        };
        assert_eq!(parameters(operation), parameters(whole), "{}", operation.id());
        assert_eq!(properties(operation), properties(whole), "{}", operation.id());
        assert_eq!(operation.accept(), whole.accept());
    }
}

#[test]
fn of_several_operations_of_one_name_each_is_suggested_by_its_endpoint() {
    let table = table("two", &[operation("findThing", &[], "/a"), operation("findThing", &[], "/b")]);
    let Err(Error::UnknownOperation(unknown)) = table.get("findThin") else { panic!("not unknown") };
    assert_eq!(unknown.suggestions, ["two:GET /a", "two:GET /b"]);
    for name in &unknown.suggestions {
        assert!(table.get(name).is_ok(), "{name}");
    }
}
