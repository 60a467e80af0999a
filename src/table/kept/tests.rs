//! The file of a kept document: its directories over several pages, and what is none.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::{self, File};
use std::path::Path;

use super::file::{Entry, HEADER, directory};
use super::*;
use crate::spec::NoSource;

fn part(offset: usize, bytes: &[u8]) -> Part {
    let length = u32::try_from(bytes.len()).unwrap();
    Part { offset: offset as u64, length, checksum: checksum(bytes) }
}

/// A file of a directory and an empty head.
fn written(path: &Path, mut entries: Vec<Entry>) -> (Store, Directory) {
    let mut bytes = Vec::new();
    entries.sort_unstable();
    let pages = directory(entries.into_iter(), |page| {
        bytes.extend_from_slice(page);
        Ok(())
    });
    let (entries, pages) = (bytes, pages.unwrap());
    let pages_part = part(HEADER + entries.len(), &pages);
    let head = part(HEADER + entries.len() + pages.len(), b"");
    fs::write(path, [&file::header(head)[..], &entries, &pages].concat()).unwrap();
    let (store, found) = Store::open(File::open(path).unwrap()).unwrap();
    assert_eq!(found, head);
    (store, Directory::new(Place::new(HEADER as u64, pages_part)))
}

#[test]
fn a_directory_finds_every_entry_of_a_key_on_whatever_page() {
    let folder = tempfile::tempdir().unwrap();
    let sizes = [1_u32, 127, 128, 129, 1, 300, 0, 2];
    let mut entries = Vec::new();
    for (key, count) in (10_u64..).zip(sizes) {
        let entry = |number| Entry::new(key, number, Part { offset: key, length: number, checksum: 7 });
        entries.extend((0..count).rev().map(entry));
    }
    let (store, found) = written(&folder.path().join("a"), entries);
    for (key, count) in (10_u64..).zip(sizes) {
        let numbers: Vec<u32> = found.find(&store, key).unwrap().iter().map(|one| one.number).collect();
        assert_eq!(numbers, (0..count).collect::<Vec<_>>(), "{key}");
    }
    let last = found.find(&store, 17).unwrap()[1].part();
    assert_eq!(last, Part { offset: 17, length: 1, checksum: 7 });
    for key in [0, 9, 18, u64::MAX] {
        assert_eq!(found.find(&store, key).unwrap(), [], "{key}");
    }
    let (store, found) = written(&folder.path().join("b"), Vec::new());
    assert_eq!(found.find(&store, 1).unwrap(), []);
}

#[test]
fn checksums_differ_where_a_byte_or_the_length_does() {
    let bytes: Vec<u8> = (0..41).collect();
    for length in 0..bytes.len() {
        let whole = checksum(&bytes[..length]);
        assert_ne!(whole, checksum(&bytes[..=length]), "{length}");
        assert_ne!(whole, checksum(&[&bytes[..length], &[0]].concat()), "{length} and a zero");
        for at in 0..length {
            let mut other = bytes[..length].to_vec();
            other[at] ^= 0x80;
            assert_ne!(whole, checksum(&other), "{at} of {length}");
        }
    }
}

#[test]
fn what_another_version_kept_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let text = r#"{"openapi":"3.0.3","info":{"title":"t","version":"1"},"paths":{"/a":{"get":{}}}}"#;
    let (unfinished, warnings) =
        document(File::create(&path).unwrap(), "a.json", text, &NoSource, &|_| {}).unwrap();
    assert!(Opened::read(File::open(&path).unwrap()).is_none(), "it has no head yet");
    unfinished.finish("the key", warnings).unwrap();
    let mut opened = Opened::read(File::open(&path).unwrap()).unwrap();
    assert_eq!(opened.key(), "the key");

    let copy = folder.path().join("b");
    opened.copy(File::create(&copy).unwrap(), "another key").unwrap();
    assert_eq!(Opened::read(File::open(&copy).unwrap()).unwrap().key(), "another key");
    assert_eq!(fs::read(&copy).unwrap()[HEADER..][..100], fs::read(&path).unwrap()[HEADER..][..100]);

    for version in ["0.0.9+0123456789abcdef", concat!(env!("CARGO_PKG_VERSION"), "+0")] {
        version.clone_into(&mut opened.head.version);
        opened.copy(File::create(&copy).unwrap(), "the key").unwrap();
        assert!(Opened::read(File::open(&copy).unwrap()).is_none(), "{version}");
    }
    fs::write(&copy, "something else").unwrap();
    assert!(Opened::read(File::open(&copy).unwrap()).is_none());
}
