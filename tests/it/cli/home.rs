//! A home for one test, and a service that can be remembered in it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Run, program};
use crate::support::{Reply, Server};

/// A home of its own for every test.
pub(super) struct Home {
    pub(super) folder: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Home {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// The same without its variables.
    pub(super) fn bare(self) -> Self {
        Self { variables: Vec::new(), ..self }
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(arguments);
        command
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).output().unwrap())
    }

    pub(super) fn config(&self) -> PathBuf {
        self.folder.path().join(".config/opcall/config.toml")
    }

    pub(super) fn configure(&self, text: &str) {
        std::fs::create_dir_all(self.config().parent().unwrap()).unwrap();
        std::fs::write(self.config(), text).unwrap();
    }

    pub(super) fn text(&self) -> String {
        std::fs::read_to_string(self.config()).unwrap()
    }

    pub(super) fn cache(&self) -> PathBuf {
        self.folder.path().join(".cache/opcall")
    }

    /// What a person reads, with what differs from run to run made the same.
    pub(super) fn plain(&self, text: &str) -> String {
        let text = text.replace(&self.folder.path().display().to_string(), "HOME");
        let mut words = text.split_inclusive([' ', '"', '\n', ':', '/', ',']);
        words.by_ref().map(plain_word).collect()
    }
}

fn plain_word(word: &str) -> String {
    let bare = word.trim_end_matches([' ', '"', '\n', ':', '/', ',']);
    let end = &word[bare.len()..];
    if bare.len() == 64 && bare.bytes().all(|one| one.is_ascii_hexdigit()) {
        return format!("SHA256{end}");
    }
    if bare.len() >= 4 && bare.parse::<u16>().is_ok() { format!("PORT{end}") } else { word.to_owned() }
}

/// The document of a service at an address.
pub(super) fn pets(server: &str, version: usize) -> String {
    let further = if version == 1 {
        r#""/old": {"get": {"operationId": "oldOnes", "responses": {}}}"#
    } else {
        r#""/new": {"get": {"operationId": "newOnes", "responses": {}}}"#
    };
    format!(
        r#"{{"openapi": "3.0.3", "info": {{"title": "Pets", "version": "{version}"}},
        "servers": [{{"url": "{server}"}}],
        "paths": {{
          "/pets": {{"get": {{"operationId": "listPets", "parameters":
            [{{"name": "limit", "in": "query", "schema": {{"type": "integer", "maximum": {version}0}}}}],
            "responses": {{"200": {{"description": "pets", "content":
              {{"application/json": {{"schema": {{"type": "object"}}}}}}}}}}}}}},
          {further}}}}}"#
    )
}

/// A service that serves its own document, of a version that can change.
pub(super) fn service() -> (Server, Arc<AtomicUsize>) {
    let version = Arc::new(AtomicUsize::new(1));
    let now = Arc::clone(&version);
    let server = Server::start(move |request, _| {
        let here = format!("http://{}/v1", request.header("host").unwrap());
        match request.target.as_str() {
            "/openapi.json" => Reply::json(200, &pets(&here, now.load(Ordering::SeqCst))),
            "/private.json" if request.header("x-doc-key") == Some("doc s3cret") => {
                Reply::json(200, &pets(&here, 1))
            }
            "/private.json" => Reply::json(401, "{}"),
            "/relative.json" => Reply::json(200, &pets("/v1", 1)),
            target if target.starts_with("/v1/") => Reply::json(200, r#"{"ok":true}"#),
            _ => Reply::json(404, "{}"),
        }
    });
    (server, version)
}

pub(super) fn url(server: &Server) -> String {
    format!("{}/openapi.json", server.url())
}
