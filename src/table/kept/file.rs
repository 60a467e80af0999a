//! The bytes of a kept document: parts with a checksum each, directories that find them, a head at the end.
//!
//! A start reads the fixed header, the head, and of the rest only what it asks for; nothing is used before its
//! checksum has been compared. What does not fit is [`Damaged`], whatever the reason.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Mutex, PoisonError};

use once_cell::sync::OnceCell;
use serde::{Deserialize, Serialize};

/// First bytes of a kept document.
const MAGIC: [u8; 8] = *b"OPCKEPT\n";
/// Goes up with every change of what stands here or in the head.
const FORMAT: u64 = 2;
/// Magic, format, the head's place (3 words), the checksum of these.
pub(super) const HEADER: usize = 48;
/// The bytes of an entry, and how many of them are read at once.
const ENTRY: usize = 32;
const PAGE: usize = 128;

/// The bytes are not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damaged;

/// A run of bytes in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) offset: u64,
    pub(super) length: u32,
    pub(super) checksum: u64,
}

/// A number that differs where a byte does: every step loses nothing of the word or of the state.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    let step = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let (words, rest) = bytes.as_chunks::<8>();
    let start = step(0xcbf2_9ce4_8422_2325, bytes.len() as u64);
    let hash = words.iter().fold(start, |hash, word| step(hash, u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let hash = step(hash, u64::from_le_bytes(last));
    hash ^ (hash >> 32)
}

/// The fixed header that leads to a head.
pub(super) fn header(head: Part) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[..8].copy_from_slice(&MAGIC);
    let words = [FORMAT, head.offset, u64::from(head.length), head.checksum];
    for (place, word) in bytes[8..40].chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    let sum = checksum(&bytes[..40]).to_le_bytes();
    bytes[40..].copy_from_slice(&sum);
    bytes
}

/// A kept document's file.
#[derive(Debug)]
pub(super) struct Store {
    file: Mutex<File>,
    length: u64,
}

impl Store {
    /// The file, and the place of its head.
    pub(super) fn open(file: File) -> Result<(Self, Part), Damaged> {
        let length = file.metadata().map_err(|_| Damaged)?.len();
        let store = Self { file: Mutex::new(file), length };
        let bytes = store.bytes(0, HEADER)?;
        let (words, _) = bytes.as_chunks::<8>();
        let word = |number: usize| words.get(number).map_or(0, |word| u64::from_le_bytes(*word));
        if bytes[..8] != MAGIC || word(1) != FORMAT || word(5) != checksum(&bytes[..40]) {
            return Err(Damaged);
        }
        let head_length = u32::try_from(word(3)).map_err(|_| Damaged)?;
        let head = Part { offset: word(2), length: head_length, checksum: word(4) };
        // The head ends the file: one that was cut or has grown is not what was written.
        if head.offset.checked_add(word(3)) == Some(length) { Ok((store, head)) } else { Err(Damaged) }
    }

    fn bytes(&self, offset: u64, length: usize) -> Result<Vec<u8>, Damaged> {
        if offset.checked_add(length as u64).is_none_or(|end| end > self.length) {
            return Err(Damaged);
        }
        let mut bytes = vec![0; length];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset)).map_err(|_| Damaged)?;
        file.read_exact(&mut bytes).map_err(|_| Damaged)?;
        Ok(bytes)
    }

    /// The bytes of a part, as they were written.
    pub(super) fn part(&self, part: Part) -> Result<Vec<u8>, Damaged> {
        let bytes = self.bytes(part.offset, part.length as usize)?;
        if checksum(&bytes) == part.checksum { Ok(bytes) } else { Err(Damaged) }
    }

    /// Everything between the header and a place, as it stands.
    pub(super) fn before(&self, offset: u64) -> Result<Vec<u8>, Damaged> {
        let length = offset.checked_sub(HEADER as u64).and_then(|length| usize::try_from(length).ok());
        self.bytes(HEADER as u64, length.ok_or(Damaged)?)
    }
}

/// A key that leads to a part; several entries may have one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) key: u64,
    pub(super) number: u32,
    pub(super) length: u32,
    pub(super) offset: u64,
    pub(super) checksum: u64,
}

impl Entry {
    pub(super) fn new(key: u64, number: u32, part: Part) -> Self {
        let Part { offset, length, checksum } = part;
        Self { key, number, length, offset, checksum }
    }

    pub(super) fn part(self) -> Part {
        Part { offset: self.offset, length: self.length, checksum: self.checksum }
    }

    fn write(self, to: &mut Vec<u8>) {
        to.extend(self.key.to_le_bytes());
        to.extend(self.number.to_le_bytes());
        to.extend(self.length.to_le_bytes());
        to.extend(self.offset.to_le_bytes());
        to.extend(self.checksum.to_le_bytes());
    }

    fn read(bytes: &[u8; ENTRY]) -> Self {
        let (words, _) = bytes.as_chunks::<8>();
        let word = |number: usize| words.get(number).map_or(0, |word| u64::from_le_bytes(*word));
        let (number, length) = (word(1) & 0xffff_ffff, word(1) >> 32);
        let half = |word: u64| u32::try_from(word).unwrap_or(0);
        Self { key: word(0), number: half(number), length: half(length), offset: word(2), checksum: word(3) }
    }
}

/// Where a directory stands: entries in the order of their keys, and a row for each page of them.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Place {
    offset: u64,
    pages: Part,
}

/// Finds parts by key. A look reads the page that the key is on, once, and at first what pages there are.
#[derive(Debug)]
pub(super) struct Directory {
    place: Place,
    pages: OnceCell<Vec<Page>>,
}

#[derive(Debug)]
struct Page {
    first: u64,
    part: Part,
    entries: OnceCell<Vec<u8>>,
}

impl Directory {
    pub(super) fn new(place: Place) -> Self {
        Self { place, pages: OnceCell::new() }
    }

    /// The entries of a key in the order of their numbers.
    pub(super) fn find(&self, store: &Store, key: u64) -> Result<Vec<Entry>, Damaged> {
        let pages = self.pages.get_or_try_init(|| self.pages(store))?;
        let mut found = Vec::new();
        let start = pages.partition_point(|page| page.first < key).saturating_sub(1);
        for page in pages.iter().skip(start).take_while(|page| page.first <= key) {
            let bytes = page.entries.get_or_try_init(|| store.part(page.part))?;
            let (entries, _) = bytes.as_chunks::<ENTRY>();
            let first = entries.partition_point(|entry| Entry::read(entry).key < key);
            let same = entries.iter().skip(first).map(Entry::read).take_while(|entry| entry.key == key);
            found.extend(same);
        }
        Ok(found)
    }

    fn pages(&self, store: &Store) -> Result<Vec<Page>, Damaged> {
        let bytes = store.part(self.place.pages)?;
        let mut offset = self.place.offset;
        let (rows, _) = bytes.as_chunks::<24>();
        let page = |row: &[u8; 24]| {
            let (words, _) = row.as_chunks::<8>();
            let word = |number: usize| words.get(number).map_or(0, |word| u64::from_le_bytes(*word));
            let length = u32::try_from(word(1)).map_err(|_| Damaged)?;
            let part = Part { offset, length, checksum: word(2) };
            offset += u64::from(length);
            Ok(Page { first: word(0), part, entries: OnceCell::new() })
        };
        rows.iter().map(page).collect()
    }
}

/// Puts the bytes of a directory's entries, which are sorted, page by page; gives those of its pages' rows.
pub(super) fn directory(
    entries: impl Iterator<Item = Entry>,
    mut put: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<Vec<u8>> {
    let mut entries = entries.peekable();
    let (mut bytes, mut pages) = (Vec::with_capacity(PAGE * ENTRY), Vec::new());
    while let Some(first) = entries.peek().map(|entry| entry.key) {
        bytes.clear();
        for entry in entries.by_ref().take(PAGE) {
            entry.write(&mut bytes);
        }
        put(&bytes)?;
        for word in [first, bytes.len() as u64, checksum(&bytes)] {
            pages.extend(word.to_le_bytes());
        }
    }
    Ok(pages)
}

impl Place {
    /// The place of a directory whose entries begin at an offset.
    pub(super) fn new(offset: u64, pages: Part) -> Self {
        Self { offset, pages }
    }
}
