//! A kept document of the network says what its text says, and other content or another place is another document.

use bytes::Bytes;
use indexmap::IndexMap;
use url::Url;

use super::super::companions::Companions;
use super::super::fetched::{Fetched, Freshness};
use super::*;

const URL: &str = "https://docs.example/v1/api.json";
const FAR: &str = r#"{"Far":{"type":"string","maxLength":3}}"#;

fn fetched(url: &str, text: &str, far: Result<&str, &str>, may_be_kept: bool) -> Fetched {
    let url = Url::parse(url).unwrap();
    let far = far.map(|text| Bytes::copy_from_slice(text.as_bytes())).map_err(str::to_owned);
    let files = IndexMap::from([("far.json".to_owned(), far)]);
    let companions = Companions { folder: url.join(".").unwrap(), files };
    Fetched::new(&url, Bytes::copy_from_slice(text.as_bytes()), companions, Freshness::Sent, may_be_kept)
}

fn of(fetched: Fetched) -> Document {
    Document::of(super::super::Place::Fetched(fetched.into()))
}

fn document(place: &Place, url: &str, text: &str, far: Result<&str, &str>) -> Document {
    of(fetched(url, text, far, true)).cached(place.cache())
}

/// What it says without the cache.
fn fresh(document: &Document) -> String {
    told(&Document { cache: None, ..document.clone() })
}

#[test]
fn a_kept_fetched_document_says_the_same() {
    let place = Place::new();
    let document = document(&place, URL, SMALL, Ok(FAR));
    let before = told(&document);
    assert!(before.contains("maxLength") && before.contains(URL), "{before}");
    assert!(!is_kept(&document) && document.keep() && is_kept(&document));
    assert_eq!(told(&document), before);
    let harness_sees = document.read().unwrap().0;
    assert_eq!(harness_sees.definition("api").unwrap().document_url.as_deref(), Some(URL));
}

#[test]
fn a_saved_copy_finds_what_was_kept_of_the_document() {
    let place = Place::new();
    let first = document(&place, URL, SMALL, Ok(FAR));
    assert!(first.keep());
    let copy = place.path("copy");
    first.fetched().unwrap().save(&copy).unwrap();
    let load = || Document::load(&copy).unwrap().cached(place.cache());
    assert!(is_kept(&load()), "it is the same document");
    assert_eq!(told(&load()), told(&first));

    let mut bytes = fs::read(&copy).unwrap();
    let at = bytes.windows(6).position(|found| found == b"getPet").unwrap();
    bytes[at] = b'b';
    fs::write(&copy, &bytes).unwrap();
    assert!(!is_kept(&load()), "one byte of the copy is another");
    assert!(load().read().unwrap().0.get("betPet").is_ok());
}

#[test]
fn other_content_another_place_and_other_settings_are_read_anew() {
    let place = Place::new();
    let base = serde_json::json!({"servers": [{"url": "https://b.example"}]});
    let first = document(&place, URL, SMALL, Ok(FAR));
    fs::write(place.path("patch.json"), r#"{"servers":[{"url":"https://c.example"}]}"#).unwrap();
    let all = [
        first.clone(),
        document(&place, URL, &SMALL.replace("getPet", "getDog"), Ok(FAR)),
        document(&place, "https://docs.example/v2/api.json", SMALL, Ok(FAR)),
        document(&place, URL, SMALL, Ok(&FAR.replace('3', "4"))),
        document(&place, URL, SMALL, Err("the server answers 404 Not Found")),
        document(&place, URL, SMALL, Err("the server answers 410 Gone")),
        first.clone().named("shop"),
        first.clone().base(base.as_object().unwrap().clone()),
        first.clone().overlay(place.path("patch.json")),
    ];
    for (number, document) in all.iter().enumerate() {
        assert!(!is_kept(document), "{number}");
        assert!(document.keep() && is_kept(document), "{number}");
        assert_eq!(place.files().len(), number + 1);
    }
    for (number, document) in all.iter().enumerate() {
        assert!(is_kept(document), "{number}");
        assert_eq!(told(document), fresh(document), "{number}");
    }
    fs::write(place.path("patch.json"), r#"{"servers":[{"url":"https://d.example"}]}"#).unwrap();
    assert!(!is_kept(all.last().unwrap()), "its overlay changed");
}

#[test]
fn what_a_server_forbids_to_keep_is_not_kept_until_it_is_saved() {
    let place = Place::new();
    let secret = fetched(URL, SMALL, Ok(FAR), false);
    let document = of(secret.clone()).cached(place.cache());
    assert!(!document.keep() && !place.cache().exists());
    secret.save(place.path("copy")).unwrap();
    let saved = Document::load(place.path("copy")).unwrap().cached(place.cache());
    assert!(saved.keep() && is_kept(&saved));
}

#[test]
fn a_damaged_file_is_replaced_by_the_text_in_memory() {
    let place = Place::new();
    let document = document(&place, URL, TINY, Ok(FAR));
    assert!(document.keep());
    let sound = told(&document);
    let (file, whole) = (place.file(), fs::read(place.file()).unwrap());
    for at in (0..whole.len()).step_by(3) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xff;
        damage(&file, &damaged);
        assert_eq!(told(&document), sound, "flipped at {at}");
    }
    damage(&file, &whole);
    assert!(is_kept(&document));
}
