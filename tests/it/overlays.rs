//! Overlays end to end: what they repair is called on a real socket, and every command tells of them.

#[cfg(feature = "cli")]
mod program;

use std::path::PathBuf;

use opcall::spec::{Depth, Effect};
use opcall::{Document, Harness};

use super::support::{Reply, Server};

/// A vendor's document: one operation cannot be read (a parameter without a place), another has a wrong method's
/// server and a parameter of the wrong type.
pub(super) const VENDOR: &str = "openapi: 3.0.3
info: {title: Vendor, version: '1'}
servers: [{url: 'https://vendor.example/v1'}]
paths:
  /pets/{id}:
    get:
      operationId: getPet
      parameters:
        - {name: id, in: path, required: true, schema: {type: integer}}
        - {name: verbose, schema: {type: boolean}}
      responses: {'200': {description: ok}}
    delete:
      operationId: deletePet
      parameters:
        - {name: id, in: path, required: true, schema: {type: integer}}
      responses: {'204': {description: gone}}
";

/// What repairs it.
pub(super) const OVERLAY: &str = "overlay: 1.1.0
info: {title: Repair the vendor's document, version: 1.0.0}
extends: ./vendor.yaml
actions:
  - target: $.paths['/pets/{id}'].get.parameters[?@.name == 'verbose']
    description: The vendor forgot where it goes.
    update: {in: query}
  - target: $.paths['/pets/{id}'].get
    update: {summary: Get a pet, x-scope: 'pets:read'}
  - target: $.paths[*][?@.operationId == 'deletePet'].parameters[?@.name == 'id'].schema.type
    update: string
";

/// A folder with the document and its overlay.
pub(super) struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    pub(super) fn new() -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap() };
        files.write("vendor.yaml", VENDOR);
        files.write("repair.overlay.yaml", OVERLAY);
        files
    }

    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

#[tokio::test]
async fn an_operation_that_was_skipped_is_called_after_its_repair() {
    let files = Files::new();
    let vendor = Document::open(files.path("vendor.yaml"));
    let broken = vendor.describe(Depth::Requests).unwrap();
    assert_eq!((broken.operations.len(), broken.skipped()), (1, 1));

    let repaired = vendor.overlay(files.path("repair.overlay.yaml"));
    let found = repaired.describe(Depth::Requests).unwrap();
    assert_eq!((found.operations.len(), found.skipped(), found.warnings.len()), (2, 0, 0));

    let server = Server::start(|_, _| Reply::json(200, r#"{"name":"Rex"}"#));
    let patch = files.write("local.json", &format!(r#"{{"servers": [{{"url": "{}/v2"}}]}}"#, server.url()));
    let harness =
        Harness::builder().env(|_| None).no_proxy().document(&repaired.overlay(patch)).build().unwrap();
    let arguments = serde_json::json!({"id": 7, "verbose": true});
    let response = harness.command("getPet", arguments).await.unwrap();
    assert_eq!(response.value().unwrap()["name"], "Rex");
    let sent = server.received();
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].method.as_str(), sent[0].target.as_str()), ("GET", "/v2/pets/7?verbose=true"));
    assert_eq!(
        harness.command("deletePet", [("id", "a b")]).prepare().unwrap().url().rsplit('/').next(),
        Some("a%20b")
    );
}

#[test]
fn every_document_of_a_folder_is_repaired_after_its_base_was_laid_under_it() {
    let files = Files::new();
    files.write("zoo/service.yaml", "openapi: 3.0.3\ninfo: {title: Zoo, version: '1'}\nservers: [{url: 'https://zoo.example'}]\nx-tags: [base]\n");
    files.write("zoo/a.yaml", "paths: {/a: {get: {operationId: a}}}\n");
    files.write("zoo/b.json", r#"{"paths": {"/b": {"get": {"operationId": "b"}}}}"#);
    let overlay = "overlay: 1.1.0\ninfo: {title: t, version: '1'}\nactions:\n\
        - {target: '$.servers[0].url', update: 'https://other.example'}\n\
        - {target: '$.paths[*].get', update: {x-scope: read}}\n\
        - {target: '$.paths.none', remove: true}\n";
    let overlay = files.write("zoo.overlay.yaml", overlay);
    let (table, warnings) = Document::open(files.path("zoo")).overlay(&overlay).read().unwrap();
    for id in ["zoo:a", "zoo:b"] {
        assert_eq!(table.get(id).unwrap().scope(), Some("read"));
    }
    let harness = Harness::builder().env(|_| None).table(table).build().unwrap();
    assert_eq!(harness.command("a", ()).prepare().unwrap().url(), "https://other.example/a");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(warnings[0].effect, Effect::NothingChanged);
    assert_eq!(warnings[0].file, overlay.to_string_lossy());
    assert_eq!(warnings[0].pointer, "#/actions/2/target");
}

/// What other regular expressions know and those of queries do not fits nothing, and is told with what says the same.
#[test]
fn patterns_that_are_no_i_regexps_are_told() {
    let files = Files::new();
    let text = "openapi: 3.0.3\ninfo: {title: Zoo, version: '1'}\npaths: {/a: {get: {operationId: a1}}}\n";
    let document = files.write("zoo.yaml", text);
    let overlay = "overlay: 1.1.0\ninfo: {title: t, version: '1'}\nactions:\n\
        - {target: \"$.paths.*[?match(@.operationId, 'a\\\\\\\\d')]\", update: {x-scope: read}}\n\
        - {target: \"$.paths.*[?!search(@.operationId, '^(?:b|c)')]\", update: {x-scope: write}}\n\
        - {target: \"$.paths.*[?match(@.operationId, 'a[0-9]')]\", update: {summary: found}}\n\
        - {target: \"$.paths.*[?search(@.summary, 'a{2,1}') || search(@.none, '(a{1000}){1000}')]\", remove: true}\n";
    let overlay = files.write("zoo.overlay.yaml", overlay);
    let (table, warnings) = Document::open(&document).overlay(&overlay).read().unwrap();
    assert_eq!(table.get("a1").unwrap().scope(), Some("write"));
    let told: Vec<_> =
        warnings.iter().map(|one| (one.pointer.as_str(), one.problem.as_str(), one.effect)).collect();
    let fits_nothing = Effect::FitsNothing;
    let nowhere = "the target `$.paths.*[?match(@.operationId, 'a\\\\d')]` is nowhere in the document";
    let too_large = "the pattern `(a{1000}){1000}` takes too much memory: write fewer categories (`\\p{L}`), and \
        count fewer repeats, each of which is as long as what it repeats; where there are texts to try it on, it is an \
        error";
    let no_place = "the target `$.paths.*[?search(@.summary, 'a{2,1}') || search(@.none, '(a{1000}){1000}')]` is \
        nowhere in the document";
    assert_eq!(
        told,
        [
            (
                "#/actions/0/target",
                r"the pattern `a\d` is no I-Regexp (RFC 9485): write `[0-9]` for `\d`",
                fits_nothing
            ),
            (
                "#/actions/1/target",
                "the pattern `^(?:b|c)` is no I-Regexp (RFC 9485): write `(` for `(?:`: groups are never captured",
                fits_nothing
            ),
            (
                "#/actions/3/target",
                "the pattern `a{2,1}` is no I-Regexp (RFC 9485): write `{1,2}` for `{2,1}`",
                fits_nothing
            ),
            ("#/actions/3/target", too_large, fits_nothing),
            ("#/actions/0/target", nowhere, Effect::NothingChanged),
            ("#/actions/3/target", no_place, Effect::NothingChanged),
        ]
    );
    let overlay = overlay.to_string_lossy();
    assert!(warnings.iter().all(|one| one.file == overlay), "{warnings:?}");
}

#[test]
fn an_overlay_repairs_the_documents_that_it_extends() {
    let files = Files::new();
    let other = files.write("other.yaml", &VENDOR.replace("Vendor", "Other"));
    let open = || [Document::open(files.path("vendor.yaml")), Document::open(&other)];
    let skipped = |documents: &[Document; 2]| {
        documents.each_ref().map(|document| document.describe(Depth::Requests).unwrap().skipped())
    };
    let mut documents = open();
    Document::overlay_all(&mut documents, files.path("repair.overlay.yaml")).unwrap();
    assert_eq!(skipped(&documents), [0, 1]);

    let for_all = files.write("all.yaml", &OVERLAY.replace("extends: ./vendor.yaml\n", ""));
    let mut documents = open();
    Document::overlay_all(&mut documents, for_all).unwrap();
    assert_eq!(skipped(&documents), [0, 0]);

    let remote = OVERLAY.replace("./vendor.yaml", "https://vendor.example/api/other.yaml?raw=1");
    let mut documents = open();
    Document::overlay_all(&mut documents, files.write("elsewhere/remote.yaml", &remote)).unwrap();
    assert_eq!(skipped(&documents), [1, 0]);

    let for_none = files.write("none.yaml", &OVERLAY.replace("./vendor.yaml", "third.yaml"));
    let error = Document::overlay_all(&mut open(), &for_none).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("none.yaml:3:1#/extends: the overlay is for `third.yaml`, which is none of"),
        "{error}"
    );

    // One document is repaired by whatever it is given.
    let mut alone = [Document::open(&other)];
    Document::overlay_all(&mut alone, &for_none).unwrap();
    assert_eq!(alone[0].describe(Depth::Requests).unwrap().skipped(), 0);
}

#[test]
fn errors_name_the_overlay_its_action_and_its_line() {
    let files = Files::new();
    let read = |name: &str, text: &str| {
        let overlay = files.write(name, text);
        let error = Document::open(files.path("vendor.yaml")).overlay(overlay).read().unwrap_err();
        (
            error.kind(),
            error.to_string().replace(&format!("{}/", files.path("").display()).replace("//", "/"), ""),
        )
    };
    let wrong = OVERLAY.replace("update: {in: query}", "update: query");
    let (kind, told) = read("wrong.yaml", &wrong);
    assert_eq!(kind, "spec");
    assert!(told.ends_with("wrong.yaml:7:5#/actions/0/update: a primitive value cannot update an object (#/paths/~1pets~1{id}/get/parameters/1)"), "{told}");
    let (_, told) = read("typo.yaml", &OVERLAY.replace("target: $.paths[*]", "target: $.paths[*"));
    assert!(told.contains("typo.yaml:10:5#/actions/2/target: `$.paths[*[?@.operationId"), "{told}");
    let (_, told) = read("broken.yaml", "overlay: 1.1.0\n info: {\n");
    assert!(told.contains("broken.yaml:2:"), "{told}");
    let missing =
        Document::open(files.path("vendor.yaml")).overlay(files.path("missing.yaml")).read().unwrap_err();
    assert_eq!(missing.kind(), "io");
}
