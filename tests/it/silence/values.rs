//! What a caller says: arguments, bodies, requests, accounts, settings; and the sandbox.

use std::time::Duration;

use opcall::{
    Argument, Body, Content, Credentials, FilePart, Network, Number, Params, Part, PartContent, Problem,
    Profile, RetryPolicy, StopReason, params,
};

use super::keys;
use super::library::{at, credentials};
use super::search::secret;
use super::servers::Manner;
use super::stage::{Door, Stage};
use super::types::{Looked, look};

pub(super) async fn print(looked: &mut Looked) {
    ordinary(looked);
    settings(looked);
    prepared(looked);
    signed_in(looked).await;
    #[cfg(feature = "sandbox")]
    sandbox(looked).await;
    #[cfg(feature = "blocking")]
    blocking(looked);
}

/// What is shown as the caller gave it: nobody can know which of it is secret. Requests that put it in the place of a
/// credential do.
fn ordinary(looked: &mut Looked) {
    let number = Number::from_text("1e2").unwrap();
    let file = FilePart::bytes(secret("the bytes of a file")).with_filename("a.bin").with_media_type("a/b");
    look!(looked; number, file, Argument::from(file.clone()), Argument::from("text"), Body::File(file.clone()));
    look!(looked; params! { limit: 5 }, Params::new(), Content::Json("{}".to_owned()));
    let content = PartContent::Text("text".to_owned());
    look!(looked; content, Part { name: "n".to_owned(), filename: None, content_type: None, headers: Vec::new(), content: content.clone() });
    look!(looked; Problem { path: "query.q".to_owned(), problem: "is wrong".to_owned(), nearest: None });
    look!(looked; StopReason::TotalShrank { from: 2, to: 1 }, RetryPolicy::new());
}

fn settings(looked: &mut Looked) {
    let client = keys::client();
    let network = || {
        Network::new()
            .proxy("http://user:cAnary%2F%2B%3DzQ7w~x@proxy.example:1")
            .root_certificates(&client.key)
            .client_certificate(&client.chain, &client.key)
    };
    look!(looked; network(), Network::new().proxy("nonsense:cAnary/+=zQ7w~x"), credentials(), credentials().access_token(secret("access")), Credentials::new());
    let profile = Profile::new()
        .base_url("https://user:cAnary%2F%2B%3DzQ7w~x@h.example/?key=cAnary%2F%2B%3DzQ7w~x")
        .token_url("https://user:cAnary%2F%2B%3DzQ7w~x@h.example/t?key=cAnary%2F%2B%3DzQ7w~x")
        .credentials(credentials())
        .client_certificate(&client.chain, &client.key);
    look!(looked; profile);
    look!(looked; at("http://127.0.0.1:9").network(network()).profile("silent", profile));
}

/// Commands and requests with a secret in each place of a credential.
fn prepared(looked: &mut Looked) {
    let harness = at("http://127.0.0.1:9").build().unwrap();
    look!(looked; harness);
    let given = secret("given");
    for command in [
        harness.command("by_header", [("header.X-Key", given.as_str())]),
        harness.command("by_query", [("query.key", given.as_str())]),
        harness.command("by_cookie", ()).header("cookie", format!("key={given}")),
        harness.command("by_bearer", ()).header("Authorization", format!("Bearer {given}")),
        harness.command("by_bearer", ()),
    ] {
        look!(looked; command, command.prepare().unwrap());
    }
    let pages = harness.command("by_header", [("header.X-Key", given.as_str())]).pages();
    look!(looked; pages, pages.items::<u8>());
}

async fn signed_in(looked: &mut Looked) {
    let server = Stage::open(Door::Plain, Manner::Answering);
    let harness = at(&server.url()).timeout(Duration::from_secs(5)).build().unwrap();
    let sign_in = harness.sign_in("silent").profile("client");
    let plan = sign_in.plan().unwrap();
    look!(looked; sign_in, plan, plan.method, sign_in.token().await.unwrap(), sign_in.forget().await.unwrap());
}

/// Its accounts are the same for everybody, and open nothing else: they are shown.
#[cfg(feature = "sandbox")]
async fn sandbox(looked: &mut Looked) {
    use opcall::sandbox::{Clock, Fault, InvalidClock, InvalidFault, Sandbox};
    let fault: Fault = "tokens_query=503".parse().unwrap_or_else(|_| Fault::new("tokens_query", 503));
    let invalid: InvalidFault = "nonsense".parse::<Fault>().unwrap_err();
    let unreadable: InvalidClock = "nonsense".parse::<Clock>().unwrap_err();
    look!(looked; Sandbox::builder().fault(fault.clone()), fault, invalid, unreadable, Clock::Real);
    let sandbox = Sandbox::start().await.unwrap();
    look!(looked; sandbox, sandbox.credentials("falcon")[0]);
}

#[cfg(feature = "blocking")]
fn blocking(looked: &mut Looked) {
    let harness = opcall::blocking::Harness::from(at("http://127.0.0.1:9").build().unwrap());
    let given = secret("given");
    let command = || harness.command("by_header", [("header.X-Key", given.as_str())]);
    look!(looked; harness, command(), command().pages(), harness.sign_in("silent"));
    let server = crate::support::Server::start(|_, _| crate::support::Reply::json(200, "{}"));
    let harness = opcall::blocking::Harness::from(at(&server.url()).build().unwrap());
    let command = harness.command("by_header", [("header.X-Key", given.as_str())]);
    // A runtime's own thread must not be blocked.
    let answer = std::thread::scope(|scope| scope.spawn(|| command.stream().unwrap()).join().unwrap());
    look!(looked; answer, answer.head());
}
