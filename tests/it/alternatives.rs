//! Security requirements (`OpenAPI` Security Requirement Object) as the program meets them: alternatives of schemes
//! that are needed together, chosen by what the environment holds.

use crate::cli::{Run, opcall_with};
use crate::support::{Received, Reply, Server};

const KEYED: &str = r"
openapi: 3.1.0
info: {title: keyed, version: '1'}
x-service: keyed
servers: [{url: SERVER}]
components:
  securitySchemes:
    app-id: {type: apiKey, in: header, name: X-App-Id}
    appKey: {type: apiKey, in: query, name: app_key}
    sid: {type: apiKey, in: cookie, name: sid}
    raw: {type: apiKey, in: header, name: Authorization}
    login: {type: http, scheme: Basic}
    digest: {type: http, scheme: digest}
    bearer: {type: http, scheme: bearer}
    token: {type: http, scheme: token}
    GenieKey: {type: http, scheme: GenieKey}
    flow: {type: oauth2, flows: {clientCredentials: {tokenUrl: SERVER/token, scopes: {read: Read}}}}
    id: {type: openIdConnect, openIdConnectUrl: 'https://id.example/.well-known/openid-configuration'}
    cert: {type: mutualTLS}
security: [{bearer: []}]
paths:
  /inherited: {get: {operationId: inherited}}
  /open: {get: {operationId: open, security: []}}
  /optional: {get: {operationId: optional, security: [{}, {app-id: []}]}}
  /pair: {get: {operationId: pair, security: [{app-id: [], appKey: []}]}}
  /trio: {get: {operationId: trio, security: [{app-id: [], appKey: [], sid: []}]}}
  /mixed: {get: {operationId: mixed, security: [{bearer: [], app-id: []}]}}
  /ranked: {get: {operationId: ranked, security: [{flow: [read]}, {app-id: [], appKey: []}, {login: []}, {sid: []}]}}
  /sid: {get: {operationId: sid, security: [{sid: []}]}}
  /raw: {get: {operationId: raw, security: [{raw: []}]}}
  /login: {get: {operationId: login, security: [{login: []}]}}
  /digest: {get: {operationId: digest, security: [{digest: []}]}}
  /token: {get: {operationId: token, security: [{token: []}]}}
  /genie: {get: {operationId: genie, security: [{GenieKey: []}]}}
  /flow: {get: {operationId: flow, security: [{flow: [read]}]}}
  /id: {get: {operationId: id, security: [{id: []}]}}
  /cert: {get: {operationId: cert, security: [{cert: []}]}}
  /clash: {get: {operationId: clash, security: [{bearer: [], login: []}]}}
  /unknown: {get: {operationId: unknown, security: [{gone: []}]}}
  /unknown-too: {get: {operationId: unknown_too, security: [{gone: []}, {app-id: []}]}}
";

/// A server that answers everything, and the description of it in a file.
struct Keyed {
    server: Server,
    spec: tempfile::NamedTempFile,
}

impl Keyed {
    fn new(server: Server) -> Self {
        let spec = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
        std::fs::write(spec.path(), KEYED.replace("SERVER", &server.url())).unwrap();
        Self { server, spec }
    }

    fn answering() -> Self {
        Self::new(Server::start(|request, _| match request.target.as_str() {
            "/token" => Reply::token("fetched", 60),
            _ => Reply::json(200, "{}"),
        }))
    }

    fn run(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
        let spec = ["--spec", self.spec.path().to_str().unwrap()];
        opcall_with(variables, &[&spec, arguments].concat())
    }

    /// What was sent by a call that succeeds.
    #[track_caller]
    fn sent(&self, operation: &str, variables: &[(&str, &str)]) -> Received {
        self.run(variables, &[operation]).ok();
        self.server.received().pop().unwrap()
    }

    /// What is said of a call that ends before it is sent.
    #[track_caller]
    fn told(&self, operation: &str, variables: &[(&str, &str)]) -> String {
        let before = self.server.received().len();
        let run = self.run(variables, &[operation]);
        assert_eq!((run.code, self.server.received().len()), (8, before), "{}", run.stderr);
        run.stderr
    }
}

const ID: (&str, &str) = ("KEYED_APP_ID", "i/1");
const KEY: (&str, &str) = ("KEYED_APPKEY", "k&1");
const SID: (&str, &str) = ("KEYED_SID", "s;1");
const TOKEN: (&str, &str) = ("KEYED_ACCESS_TOKEN", "abc");

#[test]
fn every_scheme_has_a_variable_of_its_own() {
    let keyed = Keyed::answering();
    let trio = keyed.sent("trio", &[ID, KEY, SID]);
    assert_eq!(trio.target, "/trio?app_key=k%261");
    assert_eq!((trio.header("x-app-id"), trio.header("cookie")), (Some("i/1"), Some("sid=s%3B1")));
    assert_eq!(trio.header("authorization"), None);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "from-file\n").unwrap();
    let by_file = keyed.sent("pair", &[("KEYED_APP_ID_FILE", file.path().to_str().unwrap()), KEY]);
    assert_eq!(by_file.header("x-app-id"), Some("from-file"));
    let one_named = keyed.sent("pair", &[ID, ("KEYED_API_KEY", "common")]);
    assert_eq!(
        (one_named.header("x-app-id"), one_named.target.as_str()),
        (Some("i/1"), "/pair?app_key=common")
    );
    let mixed = keyed.sent("mixed", &[TOKEN, ("KEYED_API_KEY", "common")]);
    assert_eq!(
        (mixed.header("authorization"), mixed.header("x-app-id")),
        (Some("Bearer abc"), Some("common"))
    );
}

#[test]
fn the_documents_order_decides_among_those_that_are_served() {
    let keyed = Keyed::answering();
    let login = [("KEYED_USERNAME", "u"), ("KEYED_PASSWORD", "p")];
    let client = [("KEYED_CLIENT_ID", "c"), ("KEYED_CLIENT_SECRET", "s")];
    let all = [&login[..], &client, &[ID, KEY, SID]].concat();
    assert_eq!(keyed.sent("ranked", &all).header("authorization"), Some("Bearer fetched"));
    let without_client = [&login[..], &[ID, KEY, SID]].concat();
    assert_eq!(keyed.sent("ranked", &without_client).target, "/ranked?app_key=k%261");
    let half_a_pair = [&login[..], &[ID, SID]].concat();
    assert_eq!(keyed.sent("ranked", &half_a_pair).header("authorization"), Some("Basic dTpw"));
    assert_eq!(keyed.sent("ranked", &[ID, SID]).header("cookie"), Some("sid=s%3B1"));
}

#[test]
fn schemes_of_one_place_are_alternatives() {
    let keyed = Keyed::answering();
    let login = [("KEYED_USERNAME", "u"), ("KEYED_PASSWORD", "p")];
    assert_eq!(keyed.sent("clash", &login).header("authorization"), Some("Basic dTpw"));
    let both = [&login[..], &[TOKEN]].concat();
    assert_eq!(keyed.sent("clash", &both).header("authorization"), Some("Bearer abc"));
    let told = opcall_with(&[], &["check", keyed.spec.path().to_str().unwrap()]);
    let warning = "`bearer` and `login` cannot stand in the header `authorization` at once";
    assert!(told.ok().contains(warning), "{}", told.stdout);
}

#[test]
fn nothing_is_sent_where_nothing_is_asked_for() {
    let keyed = Keyed::answering();
    let everything = [ID, KEY, SID, TOKEN, ("KEYED_API_KEY", "common"), ("KEYED_LOGIN", "u:p")];
    let open = keyed.sent("open", &everything);
    assert_eq!(
        (open.target.as_str(), open.header("authorization"), open.header("cookie")),
        ("/open", None, None)
    );
    assert_eq!(open.header("x-app-id"), None);
    assert_eq!(keyed.sent("optional", &[]).header("x-app-id"), None);
    assert_eq!(keyed.sent("optional", &everything).header("x-app-id"), Some("i/1"));
    assert_eq!(keyed.sent("inherited", &everything).header("authorization"), Some("Bearer abc"));
}

#[test]
fn http_schemes_are_written_as_they_are_named() {
    let keyed = Keyed::answering();
    let written = |operation: &str, variables: &[(&str, &str)]| {
        keyed.sent(operation, variables).header("authorization").unwrap_or_default().to_owned()
    };
    assert_eq!(written("token", &[TOKEN]), "token abc");
    assert_eq!(written("genie", &[("KEYED_GENIEKEY", "1-2")]), "GenieKey 1-2");
    assert_eq!(written("inherited", &[("KEYED_ACCESS_TOKEN", "Token 0123")]), "Token 0123");
    assert_eq!(written("raw", &[("KEYED_API_KEY", "ApiKey 0123")]), "ApiKey 0123");
    assert_eq!(
        written("login", &[("KEYED_LOGIN", "Aladdin:open sesame")]),
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    );
    assert_eq!(written("id", &[("KEYED_ID", "mine")]), "Bearer mine");
}

#[test]
fn where_nothing_serves_every_alternative_is_told() {
    let keyed = Keyed::new(Server::sink());
    let mut told = String::new();
    for (operation, variables) in [
        ("ranked", &[][..]),
        ("ranked", &[KEY]),
        ("pair", &[("KEYED_API_KEY", "common")]),
        ("mixed", &[TOKEN]),
        ("id", &[]),
        ("cert", &[]),
        ("clash", &[]),
        ("unknown", &[TOKEN]),
        ("unknown_too", &[]),
    ] {
        let names: Vec<_> = variables.iter().map(|(name, _)| *name).collect();
        let text = keyed.told(operation, variables);
        told.extend([operation, " ", &names.join(" "), "\n", &text, "\n"]);
    }
    insta::assert_snapshot!("where-nothing-serves", told);
}

#[test]
fn a_dry_run_shows_the_places_without_credentials() {
    let keyed = Keyed::new(Server::sink());
    let mut shown = String::new();
    for operation in
        ["ranked", "trio", "mixed", "raw", "login", "digest", "token", "genie", "flow", "id", "cert"]
    {
        let dry = keyed.run(&[], &[operation, "--dry-run", "-o", "json"]);
        let curl = keyed.run(&[], &[operation, "--curl"]);
        shown.extend([dry.ok(), curl.ok(), "\n"]);
    }
    insta::assert_snapshot!("places-of-credentials", shown.replace(&keyed.server.url(), "SERVER"));
    let own = keyed.run(&[("KEYED_TOKEN", "abc def"), ("KEYED_LOGIN", "u:p")], &["login", "--curl"]);
    assert!(own.ok().ends_with("-u \"$KEYED_LOGIN\"\n"), "{}", own.stdout);
    let whole = keyed.run(&[("KEYED_TOKEN", "abc def")], &["token", "--dry-run", "-o", "json"]);
    assert!(whole.ok().contains(r#"["authorization","<redacted>"]"#), "{}", whole.stdout);
}
