//! The documents of the three token services, cut off after every byte: as YAML, as JSON, and the GraphQL beside one.

use std::io;
use std::time::Duration;

use opcall::source::FolderSource;
use opcall::spec::{self, Limits, Source};

use super::{ends, timed};
use crate::support::proof;

/// A folder in which one file is cut off.
struct Cut<'f> {
    folder: FolderSource,
    file: &'f str,
    length: usize,
}

impl Source for Cut<'_> {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let mut bytes = self.folder.read(path)?;
        if path == self.file {
            bytes.truncate(self.length);
        }
        Ok(bytes)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.folder.list()
    }
}

/// Every step-th length of a text of so many bytes, the last ones all.
fn lengths(bytes: usize) -> impl Iterator<Item = usize> {
    let step = proof(97, 1);
    (0..=bytes).filter(move |length| length % step == 0 || length + 3 > bytes)
}

#[test]
fn documents_cut_off_after_any_byte_are_read_or_told() {
    let (mut cuts, mut read, mut slowest) = (0, 0, Duration::ZERO);
    let mut count = |label: &str, name: &str, bytes: &[u8], source: &dyn Source| {
        let (took, is_read) = timed(|| ends(label, name, bytes, source));
        cuts += 1;
        read += usize::from(is_read);
        slowest = slowest.max(took);
    };
    for path in ["falcon/installation_tokens.yaml", "panther/api-tokens.yaml", "logscale/service.yaml"] {
        let (folder, file) = path.split_once('/').unwrap();
        let source = FolderSource::new(format!("specs/{folder}"));
        let yaml = source.read(file).unwrap();
        let json = spec::json(file, &yaml, Limits::default()).unwrap().0.into_owned();
        for (name, bytes) in [(file, &yaml[..]), ("cut.json", json.as_bytes())] {
            for length in lengths(bytes.len()) {
                let label = format!("{path} as {name}, {length} bytes");
                count(&label, name, &bytes[..length], &source);
            }
        }
    }
    let service = std::fs::read("specs/logscale/service.yaml").unwrap();
    for file in ["tokens.graphql", "schema.graphql"] {
        let folder = FolderSource::new("specs/logscale");
        for length in lengths(folder.read(file).unwrap().len()) {
            let source = Cut { folder: folder.clone(), file, length };
            count(&format!("{file}, {length} bytes"), "service.yaml", &service, &source);
        }
    }
    eprintln!(
        "promise 10: {cuts} documents cut off, {read} still documents, 0 panics, the slowest took {} ms in all four ways",
        slowest.as_millis()
    );
}
