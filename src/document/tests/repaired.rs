//! A kept document with overlays says what the repaired document says, and an overlay that is another counts.

use super::*;

/// Repairs what is broken in `SMALL`, and has an action that finds nothing.
const OVERLAY: &str = "overlay: 1.0.0
info: {title: repair, version: '1'}
actions:
  - {target: \"$.paths['/pets/{id}'].delete.parameters\", remove: true}
  - {target: \"$.paths['/pets/{id}'].delete\", update: {operationId: dropPet}}
  - {target: $.nowhere, update: {a: 1}}
";

/// As `OVERLAY` does, another name.
const PATCH: &str = r#"{"paths":{"/pets/{id}":{"delete":{"operationId":"losePet"}}}}"#;

fn place() -> Place {
    let place = Place::new();
    place.write("a.json", SMALL);
    fs::write(place.path("repair.yaml"), OVERLAY).unwrap();
    fs::write(place.path("patch.json"), PATCH).unwrap();
    place
}

/// The document with overlays.
fn repaired(place: &Place, overlays: &[&str]) -> Document {
    overlays.iter().fold(place.document("a.json"), |document, overlay| document.overlay(place.path(overlay)))
}

/// What it says without the cache.
fn fresh(document: &Document) -> String {
    told(&Document { cache: None, ..document.clone() })
}

fn ids(document: &Document) -> Vec<String> {
    document.read().unwrap().0.iter().map(|operation| operation.id().to_owned()).collect()
}

#[test]
fn a_kept_repaired_document_says_the_same() {
    let place = place();
    fs::write(place.path("far.json"), r#"{"Far":{"type":"string","maxLength":3}}"#).unwrap();
    for overlays in [&["repair.yaml"][..], &["patch.json"], &["repair.yaml", "patch.json"]] {
        let document = repaired(&place, overlays);
        let before = told(&document);
        assert!(!is_kept(&document) && document.keep() && is_kept(&document), "{overlays:?}");
        assert_eq!(told(&document), before, "{overlays:?}");
        let nowhere = before.contains("the target `$.nowhere` is nowhere");
        assert_eq!(nowhere, overlays.contains(&"repair.yaml"), "{before}");
    }
    assert_eq!(place.files().len(), 3);
    assert_eq!(ids(&repaired(&place, &["repair.yaml"])).last().unwrap(), "dropPet");
}

#[test]
fn a_kept_repaired_folder_says_the_same() {
    let place = Place::new();
    fs::create_dir(place.path("shop")).unwrap();
    place.write("shop/a.json", SMALL);
    fs::write(
        place.path("shop/b.yaml"),
        "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths: {/b: {get: {}}}\n",
    )
    .unwrap();
    fs::write(place.path("repair.yaml"), OVERLAY).unwrap();
    let document = place.document("shop").overlay(place.path("repair.yaml"));
    let before = told(&document);
    assert!(before.contains("dropPet") && before.contains("nowhere in the document"), "{before}");
    assert!(document.keep() && is_kept(&document));
    assert_eq!(told(&document), before);
    fs::write(place.path("repair.yaml"), OVERLAY.replace("dropPet", "losePet")).unwrap();
    assert!(!is_kept(&document) && told(&document).contains("losePet"));
}

#[test]
fn an_overlay_that_changed_is_read_anew() {
    let place = place();
    let document = repaired(&place, &["repair.yaml"]);
    assert!(document.keep() && is_kept(&document));
    let modified = fs::metadata(place.path("repair.yaml")).unwrap().modified().unwrap();
    fs::write(place.path("repair.yaml"), OVERLAY.replace("dropPet", "losePet")).unwrap();
    fs::File::options().write(true).open(place.path("repair.yaml")).unwrap().set_modified(modified).unwrap();
    assert!(!is_kept(&document), "the same size, the same modification time, other bytes");
    assert_eq!(ids(&document).last().unwrap(), "losePet");
    assert!(document.keep() && is_kept(&document));
    assert_eq!(told(&document), fresh(&document));

    fs::write(place.path("again.yaml"), OVERLAY.replace("dropPet", "losePet")).unwrap();
    fs::rename(place.path("again.yaml"), place.path("repair.yaml")).unwrap();
    assert!(is_kept(&document), "the same bytes in another inode");
    fs::write(place.path("a.json"), SMALL.replace("https://a.example", "https://b.example")).unwrap();
    assert!(!is_kept(&document), "the document itself still counts");
    assert!(document.keep() && is_kept(&document));
    fs::remove_file(place.path("repair.yaml")).unwrap();
    assert_eq!(document.read().unwrap_err().kind(), "io", "an overlay that is gone");
    assert!(!document.keep());
}

#[test]
fn other_overlays_or_another_order_make_another_document() {
    let place = place();
    let all = [
        &[][..],
        &["repair.yaml"],
        &["patch.json"],
        &["repair.yaml", "patch.json"],
        &["patch.json", "repair.yaml"],
        &["../docs/repair.yaml"],
    ];
    for (number, overlays) in all.iter().enumerate() {
        let document = repaired(&place, overlays);
        assert!(!is_kept(&document), "{overlays:?}");
        assert!(document.keep() && is_kept(&document), "{overlays:?}");
        assert_eq!(place.files().len(), number + 1);
    }
    for overlays in all {
        let document = repaired(&place, overlays);
        assert!(is_kept(&document), "{overlays:?}");
        assert_eq!(told(&document), fresh(&document), "{overlays:?}");
    }
    assert_eq!(ids(&repaired(&place, all[3])).last().unwrap(), "losePet");
    assert_eq!(ids(&repaired(&place, all[4])).last().unwrap(), "dropPet");
}

#[test]
fn another_service_or_base_makes_another_document_which_keeps_its_warnings() {
    let place = Place::new();
    let yaml = "openapi: 3.0.3\ninfo: {title: t, version: '1', version: '2'}\npaths: {/b: {get: {}}}\n";
    let document = place.write("a.yaml", yaml);
    let base = |url: &str| {
        let base = serde_json::json!({"servers": [{"url": url}]});
        document.clone().base(base.as_object().unwrap().clone())
    };
    let all =
        [document.clone(), document.clone().named("b"), base("https://b.example"), base("https://c.example")];
    for document in &all {
        assert!(!is_kept(document) && document.keep() && is_kept(document));
        assert_eq!(document.read().unwrap().1.len(), 1, "of the key that stands there twice");
    }
    for document in &all {
        assert!(is_kept(document));
        assert_eq!(told(document), fresh(document));
    }
}

#[test]
fn a_damaged_file_is_replaced_by_the_repaired_document() {
    let place = place();
    let document = repaired(&place, &["repair.yaml"]);
    assert!(document.keep());
    let sound = told(&document);
    let (file, whole) = (place.file(), fs::read(place.file()).unwrap());
    for at in (0..whole.len()).step_by(7) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xff;
        damage(&file, &damaged);
        assert_eq!(told(&document), sound, "flipped at {at}");
        assert!(document.keep(), "flipped at {at}");
    }

    assert!(document.keep() && is_kept(&document));
    let (table, _) = document.read().unwrap();
    let mut bytes = fs::read(place.file()).unwrap();
    bytes[48..4000].fill(0);
    fs::write(place.file(), bytes).unwrap();
    fs::write(place.path("repair.yaml"), OVERLAY.replace("dropPet", "losePet")).unwrap();
    let error = table.service("a").unwrap().operation(0).unwrap_err();
    assert!(error.to_string().contains("changed while it was read"), "{error}");
}

#[cfg(unix)]
#[test]
fn an_overlay_that_can_be_read_only_once_is_not_kept() {
    let place = place();
    assert!(std::process::Command::new("mkfifo").arg(place.path("pipe")).status().unwrap().success());
    assert!(!repaired(&place, &["pipe"]).keep(), "and nobody waits for the pipe");
}
