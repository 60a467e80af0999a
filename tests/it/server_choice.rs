//! Which server a call goes to: by index, by name, by variables, by the operation itself; and that its credentials go
//! there and nowhere else. Each server is a real one that records every byte.

use opcall::{Command, Credentials, Harness, Profile};

use crate::support::{Received, Reply, Server, builder};

const KEY: &str = "canary-key-5f0c";
const SECRET: &str = "canary-secret-77aa";
const TOKEN: &str = "canary-token-19be";

/// Two servers of a service and one of a path, each under a path of its own.
const DOCUMENT: &str = r#"{
  "openapi": "3.2.0", "info": {"title": "places", "version": "1"}, "x-service": "places",
  "servers": [
    {"url": "ONE/one", "name": "first", "description": "The first one"},
    {"url": "http://127.0.0.1:{port}/{path}", "name": "second",
     "variables": {"port": {"default": "1", "enum": ["1", "PORT"]}, "path": {"default": "two"}}}
  ],
  "components": {"securitySchemes": {
    "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "flow": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "token", "scopes": {}}}}
  }},
  "security": [{"key": []}],
  "paths": {
    "/things": {"get": {"operationId": "things", "responses": {}}},
    "/twin": {"get": {"operationId": "twin", "responses": {}}},
    "/other": {"servers": [{"url": "AWAY/away"}], "get": {"operationId": "twin", "responses": {}}},
    "/uploads": {
      "servers": [{"url": "AWAY/away", "name": "first"}, {"url": "AWAY/other", "name": "second"}],
      "get": {"operationId": "uploads", "responses": {}},
      "put": {"operationId": "put", "security": [{"flow": []}], "responses": {}},
      "post": {"operationId": "post", "servers": [{"url": "/own"}], "responses": {}}
    }
  }
}"#;

/// What a call says of its server.
type Choosing<'a> = Box<dyn Fn(Command<'a>) -> Command<'a> + 'a>;

struct Places {
    one: Server,
    two: Server,
    away: Server,
    file: tempfile::TempPath,
}

fn answering() -> Server {
    let server = Server::start(|request, _| match request.target.as_str() {
        "/one/token" => Reply::token(TOKEN, 1800),
        _ => Reply::json(200, "{}"),
    });
    server.quiet()
}

impl Places {
    fn start() -> Self {
        let (one, two, away) = (answering(), answering(), answering());
        let port = two.url().rsplit(':').next().unwrap().to_owned();
        let text = DOCUMENT.replace("ONE", &one.url()).replace("AWAY", &away.url()).replace("PORT", &port);
        let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap().into_temp_path();
        std::fs::write(&file, text).unwrap();
        Self { one, two, away, file }
    }

    fn port(&self) -> String {
        self.two.url().rsplit(':').next().unwrap().to_owned()
    }

    fn harness(&self, profile: Profile) -> Harness {
        let credentials = Credentials::new().api_key(KEY).client("id", SECRET);
        builder().spec(&self.file).profile("places", profile.credentials(credentials)).build().unwrap()
    }

    /// The only request since the last question, with the server that it came to.
    fn came(&self, before: &mut [usize; 3]) -> (&'static str, Received) {
        let servers = [("one", &self.one), ("two", &self.two), ("away", &self.away)];
        let mut new = Vec::new();
        for ((name, server), before) in servers.into_iter().zip(before) {
            let received = server.received();
            new.extend(received[*before..].iter().map(|one| (name, one.clone())));
            *before = received.len();
        }
        assert_eq!(new.len(), 1, "{new:?}");
        new.remove(0)
    }
}

#[tokio::test]
async fn a_call_goes_to_the_server_that_was_chosen() {
    let places = Places::start();
    let port = places.port();
    let variables = |profile: Profile| profile.server_variable("port", &port);
    let harness = places.harness(variables(Profile::new()));
    let staging = places.harness(variables(Profile::new().server("second")));
    let call = |id, server: &str| harness.command(id, ()).service("places").server(server);
    let plain = |id| harness.command(id, ()).service("places");
    let mut seen = [0; 3];
    for (command, server, target) in [
        (plain("things"), "one", "/one/things"),
        (call("things", "0"), "one", "/one/things"),
        (call("things", "first"), "one", "/one/things"),
        (call("things", "the first one"), "one", "/one/things"),
        (call("things", "1"), "two", "/two/things"),
        (call("things", "SECOND"), "two", "/two/things"),
        (call("things", "second").server_variable("path", "a/b"), "two", "/a/b/things"),
        (call("things", &format!("{}/mine", places.two.url())), "two", "/mine/things"),
        (plain("uploads"), "away", "/away/uploads"),
        (call("uploads", "1"), "away", "/other/uploads"),
        (call("uploads", "second"), "away", "/other/uploads"),
        (call("uploads", &places.one.url()), "one", "/uploads"),
        (plain("post"), "one", "/own/uploads"),
        (staging.command("things", ()), "two", "/two/things"),
        (staging.command("uploads", ()), "away", "/other/uploads"),
        (staging.command("things", ()).server("0"), "one", "/one/things"),
        // What is known of one operation is not taken for another of its ID.
        (plain("GET /twin"), "one", "/one/twin"),
        (plain("GET /other"), "away", "/away/other"),
    ] {
        let command = command.service("places");
        let prepared = format!("{command:?}");
        command.await.unwrap();
        let (name, request) = places.came(&mut seen);
        assert_eq!((name, request.target.as_str()), (server, target), "{prepared}");
        assert_eq!(request.header("x-key"), Some(KEY), "{prepared}");
    }
}

/// What is laid under the environment's profile may choose among the document's servers too.
#[tokio::test]
async fn a_fallback_chooses_where_the_environment_says_nothing() {
    let places = Places::start();
    let port = places.port();
    let remembered = || {
        let credentials = Credentials::new().api_key(KEY).client("id", SECRET);
        Profile::new().server("second").server_variable("port", &port).credentials(credentials)
    };
    let said = |name: &'static str, value: &'static str| {
        let lookup = move |asked: &str| (asked == name).then(|| value.to_owned());
        let builder = Harness::builder().env(lookup).no_proxy().spec(&places.file);
        builder.fallback("places", remembered()).build().unwrap()
    };
    let mut seen = [0; 3];
    for (harness, server, target) in [
        (said("NOTHING", ""), "two", "/two/things"),
        (said("PLACES_SERVER_VARIABLES", "path=env"), "two", "/env/things"),
        (said("PLACES_SERVER", "first"), "one", "/one/things"),
        (said("PLACES_SERVER", "1"), "two", "/two/things"),
    ] {
        harness.command("things", ()).service("places").await.unwrap();
        let (name, request) = places.came(&mut seen);
        assert_eq!((name, request.target.as_str()), (server, target));
        assert_eq!(request.header("x-key"), Some(KEY));
    }
}

/// The client secret goes to the token endpoint, the token to the operation's own server, and neither to another.
#[tokio::test]
async fn tokens_and_secrets_go_where_the_document_says() {
    let places = Places::start();
    let harness = places.harness(Profile::new());
    harness.command("put", ()).service("places").await.unwrap();
    let asked = places.one.only("/one/token");
    assert!(asked.text().contains(SECRET), "{}", asked.text());
    assert_eq!(places.one.received().len(), 1);
    let put = places.away.only("/away/uploads");
    assert_eq!(put.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    for (server, secrets) in [(&places.away, &[SECRET, KEY][..]), (&places.two, &[SECRET, KEY, TOKEN])] {
        let all = format!("{:?}", server.received());
        assert!(secrets.iter().all(|secret| !all.contains(secret)), "{all}");
    }
    assert!(places.two.received().is_empty());
}

/// A base URL that the user set is the only address, whatever the document says of an operation.
#[tokio::test]
async fn an_address_of_the_user_is_the_only_one() {
    let places = Places::start();
    let harness = places.harness(Profile::new().base_url(format!("{}/gate", places.two.url())));
    for id in ["things", "uploads", "post"] {
        harness.command(id, ()).service("places").await.unwrap();
    }
    let targets: Vec<_> = places.two.received().into_iter().map(|one| one.target).collect();
    assert_eq!(targets, ["/gate/things", "/gate/uploads", "/gate/uploads"]);
    assert!(places.one.received().is_empty() && places.away.received().is_empty());
}

/// Nothing is sent anywhere where a choice or a value is wrong, and no error holds a secret.
#[tokio::test]
async fn wrong_choices_send_nothing() {
    let places = Places::start();
    let harness = places.harness(Profile::new());
    let (away, port) = (places.away.url(), places.port());
    let cases: [(&str, Choosing<'_>, String); 6] = [
        ("things", Box::new(|call| call.server("secnd")), "places has no server \"secnd\"".to_owned()),
        (
            "things",
            Box::new(|call| call.server("2")),
            "places has no server 2: there are 2, counted from 0".to_owned(),
        ),
        (
            "uploads",
            Box::new(|call| call.server("2")),
            "places:uploads has no server 2: there are 2, counted from 0".to_owned(),
        ),
        (
            "uploads",
            Box::new(|call| call.server_variable("port", "1")),
            format!(
                "places:uploads: the server variable `port` is no variable of the server \"{away}/away\""
            ),
        ),
        (
            "things",
            Box::new(|call| call.server("1").server_variable("port", "80").server_variable("path", "?x")),
            format!(
                "places: the server variable `port` must be one of 1, {port}, got \"80\"; \
                 the server variable `path` must not hold ?, #, \\, spaces or control characters, got \"?x\""
            ),
        ),
        (
            "things",
            Box::new(|call| call.server(&away).server_variable("port", "1")),
            format!("the server variable `port` has no effect: {away} is given whole"),
        ),
    ];
    for (id, choosing, told) in &cases {
        let call = || choosing(harness.command(id, ()).service("places"));
        let error = call().prepare().unwrap_err();
        assert_eq!(error.to_string(), *told);
        let error = call().await.unwrap_err();
        assert_eq!((&error.to_string(), error.kind(), error.was_sent()), (told, "config", false));
        assert!(![KEY, SECRET].iter().any(|secret| format!("{error:?}").contains(secret)));
    }
    let all = [&places.one, &places.two, &places.away].map(|server| server.received().len());
    assert_eq!(all, [0, 0, 0]);
}

/// Tokens are not shared between servers: that of one tenant is none of another's business.
#[tokio::test]
async fn each_server_has_its_own_tokens() {
    let places = Places::start();
    let harness = places.harness(Profile::new());
    let put = |server: &str| harness.command("put", ()).service("places").server(server);
    put("first").await.unwrap();
    put("0").await.unwrap();
    put("first").await.unwrap();
    assert_eq!(places.one.count("/one/token"), 2);
}
