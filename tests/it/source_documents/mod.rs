//! What the vendors' pages on token management show, called against the sandbox: every example of the pages has its
//! counterpart here, in every form that the pages use.

use opcall::sandbox::Sandbox;
use opcall::{Command, Credentials, Error, Harness, Params, Profile, Response};
use serde_json::Value;

/// Panther's six operations on API tokens.
mod api_tokens;
/// Falcon's nine operations on installation tokens.
mod installation_tokens;
/// What a user does with `LogScale`'s organization tokens.
mod organization_tokens;

/// A sandbox of its own, and a harness that is signed in to it.
struct Ground {
    sandbox: Sandbox,
    harness: Harness,
}

impl Ground {
    async fn new() -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let harness = sandbox.harness().unwrap();
        Self { sandbox, harness }
    }

    /// A harness with other credentials for one service.
    fn signed_in(&self, service: &str, credentials: Credentials) -> Harness {
        let profile = Profile::new().base_url(self.sandbox.url_of(service)).credentials(credentials);
        Harness::builder().env(|_| None).profile(service, profile).build().unwrap()
    }

    /// Calls and gives the result; anything but success fails the test.
    async fn call(&self, id: &str, params: impl Into<Params>) -> Value {
        self.answer(self.harness.command(id, params)).await.value().unwrap().clone()
    }

    async fn answer(&self, command: Command<'_>) -> Response {
        let shown = format!("{command:?}");
        command.await.unwrap_or_else(|error| panic!("{shown}: {error}"))
    }
}

/// The strings at a place of every element of a list.
fn texts<'v>(list: &'v Value, place: &str) -> Vec<&'v str> {
    let items = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    items.iter().map(|item| item.pointer(place).and_then(Value::as_str).unwrap()).collect()
}

/// The status and message of a call that the service refused.
async fn refusal(command: Command<'_>) -> (u16, String) {
    match command.await {
        Err(Error::Refused(refused)) => (refused.status, refused.message.clone().unwrap_or_default()),
        other => panic!("not refused: {other:?}"),
    }
}
