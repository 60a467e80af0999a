//! A kept document says what the document says, whatever happens to either.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, or says that it was skipped"
)]

mod bounds;
#[cfg(feature = "client")]
mod fetched;
mod repaired;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::Document;
use crate::error::Error;
use crate::table::{MediaType, Operation, OperationTable, Parameter, Property, RequestBody, Schema};

/// Everything that can be asked of a document.
fn told(document: &Document) -> String {
    let (table, warnings) = document.read().unwrap();
    format!("{warnings:#?}\n{}", table_told(&table))
}

/// Everything that can be asked of a table.
pub(crate) fn table_told(table: &OperationTable) -> String {
    let mut text = String::new();
    for name in table.services().map(str::to_owned).collect::<Vec<_>>() {
        let service = table.service(&name).unwrap();
        writeln!(text, "{name}: {} operations, {:?}", service.len(), service.definition()).unwrap();
        for row in 0..service.len() {
            let listed = service.listed(row).unwrap();
            writeln!(text, "{row} {} {} {}", listed.id(), listed.method(), listed.path()).unwrap();
            match service.operation(row) {
                Ok(operation) => operation_told(&mut text, operation),
                Err(error) => writeln!(text, "error {}", error_told(&error)).unwrap(),
            }
            let (id, path) = (listed.id(), format!("{} {}", listed.method(), listed.path()));
            if row % 64 > 3 {
                // A name that is not known is compared with all others.
                continue;
            }
            for name in [id, &path, &id.to_uppercase(), &id.replace('_', "-"), &format!("{id}x")] {
                writeln!(text, "  `{name}` {}", found(table, name)).unwrap();
            }
        }
    }
    let found: Vec<_> = table.search("get").iter().map(|one| one.id().to_owned()).collect();
    writeln!(text, "{found:?}").unwrap();
    text
}

fn error_told(error: &Error) -> String {
    format!("{error:?}; {:?}", error.hint())
}

fn found(table: &OperationTable, name: &str) -> String {
    match table.get(name) {
        Ok(operation) => format!("{} {}", operation.qualified_id(), operation.path()),
        Err(error) => error_told(&error),
    }
}

fn operation_told(text: &mut String, one: Operation<'_>) {
    let lists = (one.aliases().collect::<Vec<_>>(), one.tags().collect::<Vec<_>>());
    let texts = (one.summary(), one.description(), one.scope(), one.accept(), one.deprecated());
    writeln!(text, "  {lists:?} {texts:?} {} {}", one.id_is_made(), one.is_idempotent()).unwrap();
    let marks = (one.comma_lists(), one.pagination());
    let security: Vec<Vec<_>> = one.security().map(Iterator::collect).collect();
    let responses: Vec<_> = one.responses().collect();
    writeln!(text, "  {security:?} {:?} {:?} {marks:?} {responses:?}", one.servers(), one.hosts()).unwrap();
    if let Some(graphql) = one.graphql() {
        writeln!(text, "  {} {} {:?}", graphql.query(), graphql.is_mutation(), graphql.root_field()).unwrap();
    }
    let mut seen = HashSet::new();
    for parameter in one.parameters() {
        parameter_told(text, parameter);
        schema_told(text, one, parameter.schema(), &mut seen);
    }
    let Some(body) = one.body() else { return };
    writeln!(text, "  body required {}", body.required()).unwrap();
    for media_type in RequestBody::media_types(body) {
        let (name, open, encoding) = (media_type.name(), media_type.is_open(), media_type.encoding());
        writeln!(text, "  {name} {open} {encoding:?}").unwrap();
        schema_told(text, one, media_type.schema(), &mut seen);
        for property in MediaType::properties(media_type) {
            let (name, required, read_only) =
                (Property::name(property), property.required(), property.read_only());
            writeln!(text, "    {name} {required} {read_only}").unwrap();
            schema_told(text, one, property.schema(), &mut seen);
        }
    }
}

fn parameter_told(text: &mut String, one: Parameter<'_>) {
    let words = (one.name(), one.location(), one.style(), one.content(), one.description());
    let marks = (one.required(), one.explode(), one.allow_reserved(), one.deprecated());
    writeln!(text, "  {words:?} {marks:?}").unwrap();
}

fn schema_told(text: &mut String, of: Operation<'_>, schema: Schema<'_>, seen: &mut HashSet<String>) {
    let columns = (schema.types(), schema.items(), schema.is_constrained(), schema.is_binary());
    writeln!(text, "      {} {columns:?}", schema.text()).unwrap();
    let mut waiting = references(schema.text());
    while let Some(reference) = waiting.pop() {
        if seen.insert(reference.clone()) {
            let target = of.schema(&reference);
            writeln!(text, "      {reference} = {target:?}").unwrap();
            waiting.extend(references(target.unwrap_or_default()));
        }
    }
}

/// Everything after `"$ref":` and everything that a discriminator may name, whether it leads anywhere or not.
fn references(schema: &str) -> Vec<String> {
    let named = schema.match_indices("#/").filter_map(|(at, _)| schema[at..].split('"').next());
    let files = schema.split("\"$ref\":\"").skip(1).filter_map(|rest| rest.split('"').next());
    let implied = schema.split('"').filter(|word| word.len() < 40 && schema.contains("\"discriminator\""));
    let implied = implied.map(|word| format!("#/components/schemas/{word}"));
    named.chain(files).map(str::to_owned).chain(implied).collect()
}

fn is_kept(document: &Document) -> bool {
    format!("{:?}", document.read().unwrap().0).contains("is_kept: true")
}

/// A folder with documents, and a cache beside it.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("docs")).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("docs").join(name)
    }

    fn write(&self, name: &str, text: &str) -> Document {
        fs::write(self.path(name), text).unwrap();
        self.document(name)
    }

    fn document(&self, name: &str) -> Document {
        Document::open(self.path(name)).cached(self.cache())
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache/documents")
    }

    /// The files of the cache.
    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> =
            fs::read_dir(self.cache()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    fn file(&self) -> PathBuf {
        let files = self.files();
        assert_eq!(files.len(), 1, "{files:?}");
        files.into_iter().next().unwrap()
    }
}

/// Two operations, one of them broken, with a schema that is shared and one that another file has.
const SMALL: &str = r##"{"openapi":"3.0.3","info":{"title":"t","version":"1"},"servers":[{"url":"https://a.example"}],
"paths":{"/pets/{id}":{"parameters":[{"name":"id","in":"path","required":true,"schema":{"$ref":"#/components/schemas/Id"}}],
"get":{"operationId":"getPet","x-aliases":["pet"],"responses":{}},
"put":{"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Pet"}}}},"responses":{}},
"delete":{"operationId":"getPet","parameters":[{"in":"nowhere"}],"responses":{}}}},
"components":{"schemas":{"Id":{"type":"integer","minimum":1},"Other":{"type":"string"},
"Pet":{"type":"object","required":["id"],"discriminator":{"propertyName":"kind"},"properties":{"id":{"$ref":"#/components/schemas/Id"},"kind":{"type":"string","enum":["Other"]},"far":{"$ref":"far.json#/Far"}}}}}}"##;

/// One operation that has a schema, and one that is broken.
const TINY: &str = r##"{"openapi":"3.0.3","info":{"title":"t","version":"1"},"paths":{"/a":{
"get":{"operationId":"a","parameters":[{"name":"q","in":"query","schema":{"$ref":"#/components/schemas/Q"}}]},
"put":{"parameters":[{}]}}},"components":{"schemas":{"Q":{"type":"integer","minimum":1}}}}"##;

#[test]
fn a_kept_document_says_the_same() {
    let place = Place::new();
    fs::write(place.path("far.json"), r#"{"Far":{"type":"string","maxLength":3}}"#).unwrap();
    let document = place.write("small.json", SMALL);
    let before = told(&document);
    assert!(before.contains("maxLength") && before.contains("error"), "{before}");
    assert!(!place.cache().exists(), "reading alone keeps nothing");
    assert!(document.keep() && is_kept(&document));
    assert_eq!(told(&document), before);
    assert!(document.keep(), "it is there already");
}

#[test]
fn every_small_document_and_every_folder_says_the_same() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = fs::read_dir(root.join("tests/data/specs")).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.is_file());
    let folders = fs::read_dir(root.join("specs")).unwrap().map(|entry| entry.unwrap().path());
    let place = Place::new();
    let mut count = 0;
    // A folder of more than a hundred documents takes a minute and shows no more.
    let is_small = |path: &PathBuf| path.is_dir() && fs::read_dir(path).unwrap().count() < 100;
    for path in files.chain(folders.filter(is_small)) {
        let document = Document::open(&path);
        let cached = document.clone().cached(place.cache());
        assert!(cached.keep() && is_kept(&cached), "{path:?}");
        assert_eq!(told(&cached), told(&document), "{path:?}");
        count += 1;
    }
    assert_eq!(place.files().len(), count);
}

#[test]
fn every_document_of_the_corpus_says_the_same() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases/specs");
    let Ok(index) = fs::read_to_string(root.join("index.tsv")) else {
        eprintln!("skipped: there is no corpus beside the repository");
        return;
    };
    let place = Place::new();
    for line in index.lines().skip(1) {
        let path = root.join(line.split('\t').next().unwrap());
        let document = Document::open(&path);
        let cached = document.clone().cached(place.cache());
        match document.read() {
            Ok(_) => {
                assert!(cached.keep() && is_kept(&cached), "{path:?}");
                let (kept, fresh) = (told(&cached), told(&document));
                let differs = kept.lines().zip(fresh.lines()).find(|(kept, fresh)| kept != fresh);
                assert!(kept == fresh, "{path:?}: {differs:#?}");
                fs::remove_file(place.file()).unwrap();
            }
            Err(_) => assert!(!cached.keep(), "{path:?}"),
        }
    }
}

#[test]
fn other_content_is_read_anew() {
    let place = Place::new();
    let document = place.write("a.json", SMALL);
    assert!(document.keep());
    let other = SMALL.replace("getPet", "getDog");
    let modified = fs::metadata(place.path("a.json")).unwrap().modified().unwrap();
    fs::write(place.path("a.json"), &other).unwrap();
    fs::File::options().write(true).open(place.path("a.json")).unwrap().set_modified(modified).unwrap();
    assert!(!is_kept(&document), "the same size, the same modification time, other bytes");
    let table = document.read().unwrap().0;
    assert_eq!(
        table.get("getDog").unwrap().method().as_str(),
        "GET",
        "of the two that have the name the other is broken"
    );
    assert!(document.keep() && is_kept(&document));
    fs::write(place.path("a.json"), format!("{other} ")).unwrap();
    assert!(!is_kept(&document), "another size");
    fs::remove_file(place.path("a.json")).unwrap();
    assert!(document.read().is_err(), "a document that is gone");
}

#[test]
fn the_same_content_at_another_time_or_inode_is_known() {
    let place = Place::new();
    let document = place.write("a.json", SMALL);
    assert!(document.keep());
    let kept = fs::read(place.file()).unwrap();
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    fs::File::options().write(true).open(place.path("a.json")).unwrap().set_modified(long_ago).unwrap();
    assert!(is_kept(&document));
    let touched = fs::read(place.file()).unwrap();
    assert_ne!(touched, kept, "the file knows the document's new time");
    fs::write(place.path("b.json"), SMALL).unwrap();
    fs::rename(place.path("b.json"), place.path("a.json")).unwrap();
    assert!(is_kept(&document));
    assert_ne!(fs::read(place.file()).unwrap(), touched, "and its new inode");
    assert_eq!(told(&document), told(&Document::open(place.path("a.json"))));
}

#[test]
fn the_files_beside_a_document_count() {
    let place = Place::new();
    let document = place.write("a.json", SMALL);
    let without = told(&document);
    assert!(document.keep() && is_kept(&document));
    fs::write(place.path("far.json"), r#"{"Far":{"type":"string","maxLength":3}}"#).unwrap();
    assert!(!is_kept(&document), "a file that was missing has come");
    assert_ne!(told(&document), without);
    assert!(document.keep() && is_kept(&document));
    fs::write(place.path("far.json"), r#"{"Far":{"type":"string","maxLength":4}}"#).unwrap();
    assert!(!is_kept(&document), "it changed");
    assert!(document.keep() && is_kept(&document));
    fs::remove_file(place.path("far.json")).unwrap();
    assert!(!is_kept(&document), "it went");
    assert_eq!(told(&document), without);
}

#[test]
fn the_files_of_a_folder_count() {
    let place = Place::new();
    fs::create_dir(place.path("shop")).unwrap();
    let document = place.write("shop/a.json", SMALL);
    drop(document);
    let document = place.document("shop");
    assert!(document.keep() && is_kept(&document));
    let one = "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths: {/b: {get: {operationId: b}}}\n";
    fs::write(place.path("shop/b.yaml"), one).unwrap();
    assert!(!is_kept(&document), "a file came");
    assert!(document.keep() && is_kept(&document));
    assert_eq!(document.read().unwrap().0.get("b").unwrap().path(), "/b");
    fs::write(place.path("shop/b.yaml"), one.replace("/b:", "/c:")).unwrap();
    assert!(!is_kept(&document), "a file changed");
    assert_eq!(document.read().unwrap().0.get("b").unwrap().path(), "/c");
    assert!(document.keep());
    fs::remove_file(place.path("shop/b.yaml")).unwrap();
    assert!(!is_kept(&document), "a file went");
    assert!(document.read().unwrap().0.get("b").is_err());
}

#[test]
fn another_name_of_a_document_is_another_document() {
    let place = Place::new();
    let document = place.write("a.json", SMALL);
    assert!(document.keep());
    let (_, warnings) = document.read().unwrap();
    assert!(warnings.iter().all(|warning| Path::new(&warning.file).ends_with("a.json")));
    let detour = Document::open(place.path("../docs/a.json")).cached(place.cache());
    assert!(!is_kept(&detour), "its errors and warnings name it otherwise");
    assert!(detour.keep() && is_kept(&detour) && is_kept(&document));
    assert_eq!(place.files().len(), 2);
    fs::rename(&place.files()[0], place.files()[1].clone()).unwrap();
    assert!(!is_kept(&detour) && !is_kept(&document), "a file in another's place is not believed");
}

#[test]
fn every_cut_and_every_flipped_byte_is_noticed_or_harmless() {
    let place = Place::new();
    let document = place.write("a.json", TINY);
    let sound = told(&document);
    assert!(sound.contains("minimum") && sound.contains("error"), "{sound}");
    assert!(document.keep());
    let file = place.file();
    let whole = fs::read(&file).unwrap();
    for end in 0..whole.len() {
        damage(&file, &whole[..end]);
        assert_eq!(told(&document), sound, "cut at {end}");
    }
    damage(&file, &[&whole[..], b"x"].concat());
    assert_eq!(told(&document), sound, "a byte more");
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= if at % 2 == 0 { 0xff } else { 1 << (at % 8) };
        damage(&file, &damaged);
        assert_eq!(told(&document), sound, "flipped at {at}");
        if fs::read(&file).ok().as_ref() != Some(&damaged) {
            assert!(document.keep() && is_kept(&document), "flipped at {at}: found damaged, made again");
        }
    }
    damage(&file, &whole);
    assert!(is_kept(&document) && told(&document) == sound);
}

fn damage(file: &Path, bytes: &[u8]) {
    if !file.exists() {
        fs::write(file, b"").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_damaged_file_of_a_document_that_changed_is_an_error() {
    let place = Place::new();
    let document = place.write("a.json", SMALL);
    assert!(document.keep());
    let (table, _) = document.read().unwrap();
    let file = place.file();
    let mut bytes = fs::read(&file).unwrap();
    // The parts of the operations come first.
    bytes[48..4000].fill(0);
    fs::write(&file, bytes).unwrap();
    fs::write(place.path("a.json"), SMALL.replace("getPet", "getDog")).unwrap();
    let service = table.service("a").unwrap();
    let error = service.operation(0).unwrap_err();
    assert!(error.to_string().contains("changed while it was read"), "{error}");
    assert!(table.get("getPet").is_err());
}

#[cfg(unix)]
#[test]
fn only_its_owner_has_what_is_kept() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let place = Place::new();
    let document = place.write("a.json", SMALL);
    assert!(document.keep());
    let file = place.file();
    assert_eq!((mode(&file), mode(&place.cache())), (0o600, 0o700));
    set(&file, 0o620);
    assert!(!is_kept(&document), "others can write the file");
    set(&file, 0o600);
    set(&place.cache(), 0o777);
    assert!(!is_kept(&document) && !document.keep(), "others can put files into the folder");
    set(&place.cache(), 0o700);
    assert!(is_kept(&document));
    // Only root can give files away.
    if std::os::unix::fs::chown(&file, Some(12_345), None).is_ok() && Path::new("/proc/self").exists() {
        assert!(!is_kept(&document), "another user's file");
    }
}

#[cfg(unix)]
#[test]
fn links_and_other_things_in_a_file_s_place_are_replaced() {
    let place = Place::new();
    let document = place.write("a.json", SMALL);
    assert!(document.keep());
    let file = place.file();
    let elsewhere = place.path("elsewhere");
    fs::rename(&file, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    assert!(!is_kept(&document), "a link is not followed");
    let before = fs::read(&elsewhere).unwrap();
    assert!(document.keep() && is_kept(&document));
    assert!(fs::symlink_metadata(&file).unwrap().is_file());
    assert_eq!(fs::read(&elsewhere).unwrap(), before, "nothing was written through the link");

    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert!(!is_kept(&document) && !document.keep());
    assert!(document.read().is_ok());
}

#[cfg(unix)]
#[test]
fn a_link_to_another_document_is_another_document() {
    let place = Place::new();
    place.write("a.json", SMALL);
    place.write("b.json", &SMALL.replace("getPet", "getDog"));
    std::os::unix::fs::symlink(place.path("a.json"), place.path("now.json")).unwrap();
    let document = place.document("now.json");
    assert!(document.keep() && is_kept(&document));
    fs::remove_file(place.path("now.json")).unwrap();
    std::os::unix::fs::symlink(place.path("b.json"), place.path("now.json")).unwrap();
    assert!(!is_kept(&document));
}

#[test]
fn a_folder_that_cannot_be_made_costs_nothing() {
    let place = Place::new();
    let document = place.write("a.json", SMALL);
    fs::write(place.folder.path().join("cache"), "a file").unwrap();
    assert!(!document.keep());
    assert_eq!(told(&document), told(&Document::open(place.path("a.json"))));
}

#[test]
fn a_document_that_cannot_be_read_is_not_kept() {
    let place = Place::new();
    let document = place.write("a.json", "{}");
    assert!(!document.keep());
    assert_eq!(place.files(), [] as [PathBuf; 0], "nothing is left of the try");
    assert!(document.read().is_err());
}
