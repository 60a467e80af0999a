//! One line of a batch: a call as a JSON object.

use std::borrow::Cow;

use base64::Engine;
use opcall::{Argument, Body, Command, FilePart, Params};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::Batch;
use super::members::{Members, Name, Word};
use super::result::Head;
use crate::args::Target;
use crate::given::undeclared;
use crate::loopback;
use crate::reached::Nature;
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
    #[serde(borrow, default, deserialize_with = "given")]
    params: Option<Members<'l, &'l RawValue>>,
    #[serde(borrow, default, deserialize_with = "given")]
    body: Option<&'l RawValue>,
    #[serde(borrow, default, deserialize_with = "given")]
    headers: Option<Members<'l, Cow<'l, str>>>,
    #[serde(borrow, default, deserialize_with = "given")]
    profile: Option<Name<'l>>,
    #[serde(borrow, default, deserialize_with = "given")]
    server: Option<Word<'l>>,
    #[serde(borrow, default, deserialize_with = "given")]
    server_variables: Option<Members<'l, Word<'l>>>,
    #[serde(borrow, default, deserialize_with = "given")]
    files: Option<Members<'l, &'l RawValue>>,
    #[serde(borrow, default, deserialize_with = "given")]
    idempotency_key: Option<Name<'l>>,
}

/// A member that is there counts: `null` is a value like any other, and must fit as one.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
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
        if text.trim_ascii_start().first() != Some(&b'{') {
            return Self { id: "null", call: Err("the line is no call: it is no JSON object".to_owned()) };
        }
        match serde_json::from_slice::<Fields<'l>>(text) {
            Ok(fields) => Self { id: fields.id.map_or("null", RawValue::get), call: Ok(fields) },
            Err(error) => {
                let id = serde_json::from_slice::<IdOnly<'l>>(text).ok().and_then(|line| line.id);
                let whole = error.to_string();
                // The line in the message would be the one inside this text: always the first.
                let problem = whole.split(" at line ").next().unwrap_or_default();
                let member = misshapen(text).map(|name| format!("`{name}`: ")).unwrap_or_default();
                let problem = format!("the line is no call: {member}{problem} (column {})", error.column());
                Self { id: id.map_or("null", RawValue::get), call: Err(problem) }
            }
        }
    }

    /// The operation of a call that goes where the command line says.
    pub(super) fn aimed(&self) -> Option<&str> {
        let fields = self.call.as_ref().ok().filter(|fields| fields.server.is_none())?;
        Some(&fields.operation)
    }

    /// What the line's result begins with, and the library's command of it: a failure where the line is no call,
    /// no operation has the name, or a file cannot be taken.
    pub(super) fn command<'a>(&'a self, batch: &Batch<'a>) -> (Head<'a>, Result<Command<'a>, Failure>) {
        let fields = match &self.call {
            Ok(fields) => fields,
            Err(problem) => {
                let hint =
                    "write one JSON object: {\"id\": 1, \"operation\": \"ID\", \"params\": {}}.".to_owned();
                let failure = Failure::usage(problem.as_str(), Some(hint));
                let head = Head { id: self.id, operation: String::new(), nature: Nature::default() };
                return (head, Err(failure));
            }
        };
        let services = (batch.harness.table(), &batch.known.others[..]);
        let found = Subject::find(services, batch.args.source.api.as_deref(), &fields.operation);
        if let Ok(Subject::Listed { operation, name }) = &found {
            batch.tell_of_twin(*operation, name);
        }
        let operation = found.as_ref().map_or_else(|_| fields.operation.to_string(), Subject::label);
        let nature = found.as_ref().map(Subject::nature).unwrap_or_default();
        (Head { id: self.id, operation, nature }, found.and_then(|subject| fields.command(batch, &subject)))
    }
}

/// The first member of a line that has not the shape it must have.
fn misshapen(text: &[u8]) -> Option<String> {
    let Members(members) = serde_json::from_slice::<Members<'_, &RawValue>>(text).ok()?;
    let fits = |name: &str, value: &str| match name {
        "operation" | "profile" | "idempotency_key" => serde_json::from_str::<Name<'_>>(value).is_ok(),
        "server" => serde_json::from_str::<Word<'_>>(value).is_ok(),
        "params" | "files" => serde_json::from_str::<Members<'_, &RawValue>>(value).is_ok(),
        "headers" => serde_json::from_str::<Members<'_, Name<'_>>>(value).is_ok(),
        "server_variables" => serde_json::from_str::<Members<'_, Word<'_>>>(value).is_ok(),
        _ => true,
    };
    members.iter().find(|(name, value)| !fits(name, value.get())).map(|(name, _)| name.to_string())
}

impl<'l> Fields<'l> {
    fn command<'a>(&'a self, batch: &Batch<'a>, subject: &Subject<'a>) -> Result<Command<'a>, Failure> {
        if self.server.is_none() {
            batch.aim.check(subject.service())?;
        }
        batch.check_account(subject.service())?;
        let mut params = self.arguments(batch.args.allow_files)?;
        let headers = self.headers.iter().flat_map(|all| &all.0);
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let headers = undeclared(headers, subject.operation(), &mut params);
        let mut command = subject.command(batch.harness, params);
        if let Some(body) = self.body {
            command = command.body(Body::Value(json(body)?));
        }
        for (name, value) in headers {
            command = command.header(name, value);
        }
        if let Some(Name(key)) = &self.idempotency_key {
            command = command.idempotency_key(key.as_ref());
        }
        if batch.args.target.retry_unsafe {
            command = command.idempotent();
        }
        if batch.args.no_validate {
            command = command.no_validate();
        }
        if batch.args.allow_unknown {
            command = command.allow_unknown();
        }
        if batch.args.target.sandbox {
            let refused = [
                ("server", self.server.is_some()),
                ("server_variables", self.server_variables.is_some()),
                ("profile", self.profile.is_some()),
            ];
            if let Some((name, _)) = refused.into_iter().find(|(_, is_given)| *is_given) {
                return Err(Failure::usage(format!("`{name}` cannot be given with --sandbox"), None));
            }
            return Ok(match &batch.base {
                Some(base) => command.server(loopback::url(base, subject.service())),
                None => command,
            });
        }
        Ok(self.aimed(command, &batch.args.target))
    }

    /// What the line says of profile and server, else what the command line says for all lines. A line with a server
    /// of its own has its own variables too; of a variable that both give, the line's value counts.
    fn aimed<'a>(&self, mut command: Command<'a>, target: &Target) -> Command<'a> {
        let profile = self.profile.as_ref().map(|Name(name)| name.as_ref());
        if let Some(profile) = profile.or(target.profile.as_deref()) {
            command = command.profile(profile);
        }
        for (name, value) in target.server_variables.iter().filter(|_| self.server.is_none()) {
            command = command.server_variable(name, value);
        }
        for (name, Word(value)) in self.server_variables.iter().flat_map(|all| &all.0) {
            command = command.server_variable(name.as_ref(), value.as_ref());
        }
        let server = self.server.as_ref().map(|Word(server)| server.as_ref());
        match server.or(target.server.as_deref()) {
            Some(server) => command.server(server),
            None => command,
        }
    }

    fn arguments(&self, may_read_files: bool) -> Result<Params, Failure> {
        let mut params = Params::default();
        for (name, value) in self.params.iter().flat_map(|all| &all.0) {
            params.push(name, json(value)?);
        }
        for (name, upload) in self.files.iter().flat_map(|all| &all.0) {
            let read = |text: &'l RawValue| Upload::read(text.get());
            let upload =
                read(upload).map_err(|problem| Failure::usage(format!("files.{name}: {problem}"), None))?;
            params.push(name, upload.part(name, may_read_files)?);
        }
        Ok(params)
    }
}

fn json(text: &RawValue) -> Result<Argument, Failure> {
    Argument::from_json_text(text.get()).map_err(|error| Failure::usage(error.to_string(), None))
}

impl<'l> Upload<'l> {
    fn read(text: &'l str) -> Result<Self, String> {
        if !text.starts_with('{') {
            return Err("must be an object with `base64` or `path`".to_owned());
        }
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

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
