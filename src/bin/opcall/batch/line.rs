//! One line of a batch: a call as a JSON object.

use std::borrow::Cow;

use base64::Engine;
use indexmap::IndexMap;
use opcall::{Argument, Body, Command, FilePart, Params};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Batch;
use crate::loopback;
use crate::report::Failure;
use crate::subject::Subject;

/// A line, read as far as it can be.
pub(super) struct Line<'l> {
    /// The JSON text of its `id`; `null` where it has none.
    pub(super) id: &'l str,
    /// Its members, or what is wrong with the text.
    call: Result<Fields<'l>, String>,
}

/// The members of a line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields<'l> {
    #[serde(borrow, default)]
    id: Option<&'l RawValue>,
    #[serde(borrow)]
    operation: Cow<'l, str>,
    #[serde(borrow, default)]
    params: Option<&'l RawValue>,
    #[serde(borrow, default)]
    body: Option<&'l RawValue>,
    #[serde(default)]
    headers: Option<IndexMap<String, String>>,
    #[serde(borrow, default)]
    profile: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    server: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    files: Option<IndexMap<String, Upload<'l>>>,
}

/// A file parameter.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Upload<'l> {
    #[serde(borrow, default)]
    base64: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    path: Option<Cow<'l, str>>,
    #[serde(default)]
    filename: Option<String>,
    #[serde(default, rename = "type")]
    media_type: Option<String>,
}

/// The `id` of a line whose other members cannot be read.
#[derive(Deserialize)]
struct IdOnly<'l> {
    #[serde(borrow, default)]
    id: Option<&'l RawValue>,
}

impl<'l> Line<'l> {
    /// Reads a line; what is wrong with it shows at [`Line::command`].
    pub(super) fn read(text: &'l [u8]) -> Self {
        match serde_json::from_slice::<Fields<'l>>(text) {
            Ok(fields) => Self { id: fields.id.map_or("null", RawValue::get), call: Ok(fields) },
            Err(error) => {
                let id = serde_json::from_slice::<IdOnly<'l>>(text).ok().and_then(|line| line.id);
                let whole = error.to_string();
                // The line in the message would be the one inside this text: always the first.
                let problem = whole.split(" at line ").next().unwrap_or_default();
                let problem = format!("the line is no call: {problem} (column {})", error.column());
                Self { id: id.map_or("null", RawValue::get), call: Err(problem) }
            }
        }
    }

    /// The operation as the line names it; empty where it names none.
    pub(super) fn operation(&self) -> &str {
        self.call.as_ref().map_or("", |fields| &fields.operation)
    }

    /// Whether the line could be read.
    pub(super) fn is_call(&self) -> bool {
        self.call.is_ok()
    }

    /// The library's command of it.
    ///
    /// # Errors
    /// Where the line is no call, no operation has the name, or a file cannot be taken.
    pub(super) fn command<'a>(&'a self, batch: &Batch<'a>) -> Result<Command<'a>, Failure> {
        let fields = self.call.as_ref().map_err(|problem| Failure::usage(problem.as_str(), None))?;
        let subject = Subject::find(batch.harness, batch.args.source.api.as_deref(), &fields.operation)?;
        let mut command = subject.command(batch.harness, fields.arguments(batch.args.allow_files)?);
        if let Some(body) = fields.body {
            command = command.body(Body::Value(json(body)?));
        }
        for (name, value) in fields.headers.iter().flatten() {
            command = command.header(name, value);
        }
        if batch.args.no_validate {
            command = command.no_validate();
        }
        if batch.args.allow_unknown {
            command = command.allow_unknown();
        }
        if batch.args.target.sandbox {
            if fields.server.is_some() {
                return Err(Failure::usage("`server` cannot be given with --sandbox", None));
            }
            return Ok(match &batch.base {
                Some(base) => command.server(loopback::url(base, subject.service())),
                None => command,
            });
        }
        if let Some(profile) = fields.profile.as_deref().or(batch.args.target.profile.as_deref()) {
            command = command.profile(profile);
        }
        match fields.server.as_deref().or(batch.args.target.server.as_deref()) {
            Some(server) => Ok(command.server(server)),
            None => Ok(command),
        }
    }
}

impl Fields<'_> {
    fn arguments(&self, may_read_files: bool) -> Result<Params, Failure> {
        let mut params = self.params.map(json).transpose()?.map(Params::from).unwrap_or_default();
        for (name, upload) in self.files.iter().flatten() {
            params.push(name.clone(), Argument::File(upload.part(name, may_read_files)?));
        }
        Ok(params)
    }
}

fn json(text: &RawValue) -> Result<Argument, Failure> {
    Argument::from_json_text(text.get()).map_err(|error| Failure::usage(error.to_string(), None))
}

impl Upload<'_> {
    fn part(&self, name: &str, may_read_files: bool) -> Result<FilePart, Failure> {
        let mut part = match (&self.base64, &self.path) {
            (Some(text), None) => {
                let bytes = base64::engine::general_purpose::STANDARD.decode(text.as_bytes());
                let problem = |error| Failure::usage(format!("files.{name}.base64: {error}"), None);
                FilePart::bytes(bytes.map_err(problem)?)
            }
            (None, Some(path)) if may_read_files => FilePart::path(path.as_ref()),
            (None, Some(_)) => {
                let hint = "give --allow-files if the lines may read files of this machine.".to_owned();
                return Err(Failure::usage(format!("files.{name} names a file of this machine"), Some(hint)));
            }
            _ => return Err(Failure::usage(format!("files.{name} needs either `base64` or `path`"), None)),
        };
        if let Some(filename) = &self.filename {
            part = part.with_filename(filename);
        }
        if let Some(media_type) = &self.media_type {
            part = part.with_media_type(media_type);
        }
        Ok(part)
    }
}
