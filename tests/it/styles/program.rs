//! The same through the program: parts' headers as items, XML from a JSON file, what `check` tells of styles.

use serde_json::{Value, json};

use crate::cli::opcall;

fn file(folder: &tempfile::TempDir, name: &str, content: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    path.to_string_lossy().into_owned()
}

fn document() -> String {
    let pet = json!({"type": "object", "xml": {"name": "pet"}, "properties": {"name": {"type": "string"}}});
    let form = json!({"type": "object", "properties": {"image": {"type": "string", "format": "binary"}}});
    let encoding = json!({"image": {"contentType": "image/png, image/jpeg", "headers": {
        "X-Limit": {"required": true, "schema": {"type": "integer"}}}}});
    let ids = json!({"name": "ids", "in": "query", "style": "deepObject", "explode": true,
        "schema": {"type": "array", "items": {"type": "integer"}}});
    json!({"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "servers": [{"url": "https://api.example.com"}],
        "paths": {
            "/pets": {"post": {"operationId": "add", "responses": {},
                "requestBody": {"content": {"application/xml": {"schema": pet}}}}},
            "/images": {"post": {"operationId": "upload", "responses": {}, "parameters": [ids],
                "requestBody": {"content": {"multipart/form-data": {"schema": form, "encoding": encoding}}}}},
        }})
    .to_string()
}

#[test]
fn items_reach_parts_and_xml() {
    let folder = tempfile::tempdir().unwrap();
    let (spec, image) = (file(&folder, "t.json", &document()), file(&folder, "a.jpg", "JPEG"));
    let dry = |more: &[&str]| opcall(&[&["--spec", &spec, "--dry-run", "-o", "json"], more].concat());
    let sent = dry(&["upload", &format!("image@{image}"), "part.image.X-Limit=5", "ids:=[1,2]"]).json();
    assert_eq!(sent["url"], "https://api.example.com/images?ids%5B%5D=1&ids%5B%5D=2");
    let part = json!({"name": "image", "filename": "a.jpg", "content_type": "image/jpeg",
        "headers": [["X-Limit", "5"]], "bytes": 4});
    assert_eq!(sent["body"]["multipart"], json!([part]));
    let missing = dry(&["upload", &format!("image@{image}")]);
    assert_eq!(missing.code, 2);
    assert!(missing.stderr.contains("part.image.X-Limit  is required"), "{}", missing.stderr);

    let xml = json!({"text": "<pet><name>Rex</name></pet>"});
    let pet = file(&folder, "pet.json", r#"{"name": "Rex"}"#);
    assert_eq!(dry(&["add", "name=Rex"]).json()["body"], xml);
    assert_eq!(dry(&["add", &format!("@{pet}")]).json()["body"], xml);
    let text = file(&folder, "pet.xml", "<pet><name>Rex</name></pet>");
    assert_eq!(dry(&["add", &format!("@{text}")]).json()["body"], xml);
}

#[test]
fn check_tells_of_styles_without_a_form() {
    let folder = tempfile::tempdir().unwrap();
    let spec = file(&folder, "t.json", &document());
    let line: Value = opcall(&["check", &spec, "-o", "ndjson"]).json();
    let problem = "the style `deepObject` has no form for a list; written as `name[]=item`, which \
                   `x-deep-object-arrays` changes";
    assert_eq!(
        line["warnings"],
        json!([{"file": spec, "line": 1, "pointer": "#/paths/~1images/post/parameters/0/style", "problem": problem,
        "effect": "read as the nearest valid form"}])
    );
}
