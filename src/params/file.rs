//! Files as arguments: bytes in memory or a path, with the name and type a multipart part gives them.

use std::fmt;
use std::path::PathBuf;

use bytes::Bytes;

/// A file as an argument: what it holds, and how a multipart part calls it.
///
/// ```
/// use opcall::FilePart;
/// let sample = FilePart::bytes("MZ...").with_filename("a.exe").with_media_type("application/x-msdownload");
/// assert_eq!(sample.filename(), Some("a.exe"));
/// assert_eq!(FilePart::path("/tmp/report.pdf").filename(), Some("report.pdf"));
/// ```
#[derive(Clone, PartialEq)]
pub struct FilePart {
    pub(crate) content: FileContent,
    pub(crate) filename: Option<String>,
    pub(crate) media_type: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
}

/// Where a file's bytes are.
#[derive(Clone, PartialEq)]
pub(crate) enum FileContent {
    /// In memory.
    Bytes(Bytes),
    /// On disk, streamed when the call is sent.
    Path(PathBuf),
}

impl FilePart {
    /// A file that is in memory.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self::of(FileContent::Bytes(bytes.into()))
    }

    /// A file on disk, which is opened and streamed when the call is sent, not before.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        Self::of(FileContent::Path(path.into()))
    }

    fn of(content: FileContent) -> Self {
        Self { content, filename: None, media_type: None, headers: Vec::new() }
    }

    /// Sets the name that the part gives; by default that of the path, else the field's.
    #[must_use]
    pub fn with_filename(mut self, filename: impl Into<String>) -> Self {
        self.filename = Some(filename.into());
        self
    }

    /// Sets the part's media type; by default what the document says, else `application/octet-stream`.
    #[must_use]
    pub fn with_media_type(mut self, media_type: impl Into<String>) -> Self {
        self.media_type = Some(media_type.into());
        self
    }

    /// Adds a header field to its part of a multipart body; a body that is the file alone has none.
    ///
    /// The argument `part.FIELD.NAME` does the same for parts that are no files.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The name it was given, else the last component of its path.
    #[must_use]
    pub fn filename(&self) -> Option<&str> {
        let of_path = || match &self.content {
            FileContent::Path(path) => path.file_name()?.to_str(),
            FileContent::Bytes(_) => None,
        };
        self.filename.as_deref().or_else(of_path)
    }
}

impl fmt::Debug for FilePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("FilePart");
        match &self.content {
            FileContent::Bytes(bytes) => shown.field("bytes", &bytes.len()),
            FileContent::Path(path) => shown.field("path", path),
        };
        shown.field("filename", &self.filename).field("media_type", &self.media_type);
        if !self.headers.is_empty() {
            shown.field("headers", &self.headers);
        }
        shown.finish()
    }
}
