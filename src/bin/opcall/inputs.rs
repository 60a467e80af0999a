//! What a call reads: files, and standard input at most once.

use std::io::Read;

use crate::items::Source;
use crate::report::Failure;

/// Reads files and standard input.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    stdin_is_taken: bool,
}

impl Inputs {
    /// All bytes of a source.
    ///
    /// # Errors
    /// Where it cannot be read, and where standard input is named a second time.
    pub(crate) fn bytes(&mut self, source: &Source) -> Result<Vec<u8>, Failure> {
        match source {
            Source::File(path) => std::fs::read(path)
                .map_err(|error| Failure::io(format!("reading \"{}\"", path.display()), error)),
            Source::Stdin if self.stdin_is_taken => {
                Err(Failure::usage("standard input is named twice, but can be read once", None))
            }
            Source::Stdin => {
                self.stdin_is_taken = true;
                let mut bytes = Vec::new();
                let read = std::io::stdin().lock().read_to_end(&mut bytes);
                read.map_err(|error| Failure::io("reading standard input", error))?;
                Ok(bytes)
            }
        }
    }

    /// All of a source as text.
    ///
    /// # Errors
    /// As [`Inputs::bytes`], and where the bytes are not UTF-8.
    pub(crate) fn text(&mut self, source: &Source) -> Result<String, Failure> {
        String::from_utf8(self.bytes(source)?).map_err(|_| {
            let hint = "give the file itself: name@FILE.".to_owned();
            Failure::usage(format!("{} is not UTF-8 text", source.name()), Some(hint))
        })
    }
}

impl Source {
    /// What to call it in a message.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Stdin => "standard input".into(),
            Self::File(path) => path.display().to_string(),
        }
    }
}
