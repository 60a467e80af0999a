//! Calls any API operation by its operation ID.
//!
//! The operations of CrowdStrike Falcon, Panther and LogScale are built in; other OpenAPI and GraphQL descriptions are
//! read while the program runs. The blocks below run as they stand, most of them on the [`sandbox`].
//!
//! # A call
//!
//! A [`Harness`] knows the operations and the accounts: make one, share it. [`Harness::command`] names a call, awaiting
//! it makes it. [`Harness::from_env`] takes the accounts from environment variables; here the sandbox gives one.
//!
//! ```
//! # #[cfg(feature = "sandbox")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), opcall::Error> {
//! use opcall::sandbox::Sandbox;
//! use serde_json::json;
//!
//! let sandbox = Sandbox::start().await?;
//! let harness = sandbox.harness()?;
//! let found = harness.command("tokens_query", json!({"limit": 5, "filter": "status:'valid'"})).await?;
//! assert_eq!(found.status(), 200);
//! assert_eq!(found.value()?["resources"].as_array().map(Vec::len), Some(5));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "sandbox"))]
//! # fn main() {}
//! ```
//!
//! For a script, [`command()`] does the same in one line on a harness of its own.
//!
//! # Arguments
//!
//! Arguments are [`Params`]: JSON, pairs, maps, [`params!`], or any `Serialize` struct. The description says where each
//! one goes. Arguments for properties of the body make the body; the whole of it is given with [`Command::body`]. `null`,
//! `false`, an empty text and "not given" stay different.
//!
//! ```
//! use opcall::{Content, Harness, params};
//!
//! # #[cfg(feature = "falcon")]
//! # {
//! let harness = Harness::builder().env(|_| None).build()?;
//! let request = harness.command("tokens_update", params! { ids: "a,b", revoked: false }).prepare()?;
//! assert!(request.url().ends_with("/installation-tokens/entities/tokens/v1?ids=a,b"));
//! assert_eq!(*request.content(), Content::Json(r#"{"revoked":false}"#.into()));
//! # }
//! # Ok::<(), opcall::Error>(())
//! ```
//!
//! [`Command::prepare`] is the dry run: it stops before anything is sent, and needs no account. The `Display` of a
//! [`Request`] is a `curl` command line without secrets.
//!
//! # Errors
//!
//! All that is wrong with the arguments is found at once. [`Error::hint`] says what to do, [`Error::was_sent`] whether
//! the call may have been carried out. What the service refuses is [`Error::Refused`], with the whole answer.
//!
//! ```
//! use opcall::{Error, Harness, params};
//!
//! # #[cfg(feature = "falcon")]
//! # {
//! let harness = Harness::builder().env(|_| None).build()?;
//! let call = harness.command("tokens_query", params! { limt: 5, offset: "soon" });
//! let Err(Error::Arguments(error)) = call.prepare() else { panic!("the call is wrong") };
//! assert_eq!(error.problems[0].nearest.as_deref(), Some("limit"));
//! assert_eq!(error.problems[1].path, "query.offset");
//! # }
//! # Ok::<(), opcall::Error>(())
//! ```
//!
//! # Accounts
//!
//! A [`Profile`] says where a service is and how to sign in. Of several profiles of one service the call chooses one;
//! without a profile the environment describes it. An async function can stand in for the credentials
//! ([`HarnessBuilder::credentials`]).
//!
//! ```
//! use opcall::{Credentials, Harness, Profile};
//!
//! # #[cfg(feature = "falcon")]
//! # {
//! let account = || Credentials::new().client("id", "secret");
//! let harness = Harness::builder()
//!     .profile("falcon", Profile::new().region("eu-1").credentials(account()))
//!     .profile("falcon", Profile::new().named("child").credentials(account().member("cid")))
//!     .build()?;
//! let request = harness.command("tokens_query", ()).prepare()?;
//! assert!(request.url().starts_with("https://api.eu-1.crowdstrike.com/"));
//! let of_child = harness.command("tokens_query", ()).profile("child");
//! # of_child.prepare()?;
//! # }
//! # Ok::<(), opcall::Error>(())
//! ```
//!
//! # Endpoints and operations that are not built in
//!
//! [`Harness::request`] calls a path that no description knows. [`HarnessBuilder::spec`] adds the operations of a
//! description.
//!
//! ```
//! use opcall::{Harness, Method};
//!
//! # #[cfg(feature = "falcon")]
//! # {
//! let harness = Harness::builder().env(|_| None).spec("examples/books.yaml").build()?;
//! let request = harness.request("falcon", Method::Get, "/new/things/v1", [("limit", 5)]).prepare()?;
//! assert!(request.url().ends_with("/new/things/v1?limit=5"));
//! let request = harness.command("get_book", [("id", 7)]).prepare()?;
//! assert_eq!(request.url(), "https://books.example/v1/books/7");
//! # }
//! # Ok::<(), opcall::Error>(())
//! ```
//!
//! # GraphQL
//!
//! A GraphQL operation is called like any other; its result is the value of its root field, and `errors` in an answer
//! are an error here.
//!
//! ```
//! # #[cfg(feature = "sandbox")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), opcall::Error> {
//! # use opcall::sandbox::Sandbox;
//! # let sandbox = Sandbox::start().await?;
//! # let harness = sandbox.harness()?;
//! let found = harness.command("organization_tokens_query", [("searchFilter", "usage")]).await?;
//! assert_eq!(found.value()?["results"][0]["name"], "usage report");
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "sandbox"))]
//! # fn main() {}
//! ```
//!
//! # The table
//!
//! [`OperationTable`] is what is known of all operations: [`OperationTable::get`] finds one by any of its names,
//! [`OperationTable::search`] by words.
//!
//! ```
//! use opcall::{Method, OperationTable};
//!
//! # #[cfg(feature = "falcon")]
//! # {
//! let table = OperationTable::built_in();
//! let operation = table.get("tokens-query")?;
//! assert_eq!((operation.id(), operation.method()), ("tokens_query", Method::Get));
//! assert_eq!(operation.scope(), Some("Installation Tokens: READ"));
//! # }
//! # Ok::<(), opcall::Error>(())
//! ```
//!
//! # Features
//!
//! `falcon`, `panther`, `logscale`: the built-in operations of a service. `client`: sending; without it there are only
//! tables and descriptions. `cli`: the program. `sandbox`: the loopback server. `blocking`: calls without a runtime.
//! `build`: compiling descriptions in a build script. All but `blocking` and `build` are on by default.

mod attempt;
#[cfg(feature = "client")]
mod auth;
#[cfg(feature = "blocking")]
pub mod blocking;
#[cfg(feature = "client")]
mod boxed;
#[cfg(any(feature = "build", test))]
pub mod build;
mod document;
mod error;
mod explain;
#[cfg(all(any(test, fuzzing), feature = "cli"))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "client")]
mod harness;
mod jsonpath;
pub mod operation;
mod overlay;
#[cfg(feature = "client")]
mod pages;
#[cfg_attr(
    not(feature = "client"),
    allow(dead_code, unused_imports, reason = "the harness, which needs `client`, is the door")
)]
mod params;
#[cfg(feature = "client")]
mod private_files;
#[cfg(feature = "client")]
mod profile;
#[cfg_attr(
    not(feature = "client"),
    allow(dead_code, unused_imports, reason = "the harness, which needs `client`, is the door")
)]
mod request;
#[cfg(feature = "client")]
mod response;
#[cfg(feature = "sandbox")]
pub mod sandbox;
#[cfg_attr(
    not(feature = "client"),
    allow(dead_code, unused_imports, reason = "the harness, which needs `client`, is the door")
)]
mod schema;
pub mod source;
pub mod spec;
mod table;
#[cfg(feature = "client")]
mod transport;
#[cfg(feature = "client")]
mod watch;

pub use attempt::{Attempt, Begun, HintSource, NoRepeat, Outcome, Wait, WaitReason};
#[cfg(feature = "client")]
pub use auth::{CredentialFuture, CredentialProvider, Forgotten, ProviderError};
pub use document::Document;
#[cfg(feature = "client")]
pub use document::{Fetch, Fetched, Freshness};
pub use error::{
    Ambiguous, ArgumentsError, AuthError, ConfigError, DecodeError, Error, HeldBack, IoError, Phase,
    ProxyProblem, Refused, Result, TlsProblem, TransportError, Unfinished, UnknownOperation, UnsafeError,
};
pub use explain::{Place, Said};
#[cfg(feature = "client")]
pub use harness::{AccessToken, Command, Harness, HarnessBuilder, SignIn, SignInMethod, SignInPlan, command};
pub use operation::{DeepArrays, Location, Method, Style, Types};
#[cfg(feature = "client")]
pub use pages::{Items, Pages, StopReason};
pub use params::{Argument, Body, FilePart, Number, Params};
#[cfg(feature = "client")]
pub use profile::{Credentials, Profile, Server};
pub use request::{Content, Part, PartContent, Problem, Request};
#[cfg(feature = "client")]
pub use response::{Response, ResponseStream};
/// Where [`build`] finds it, in the library as in the crate's own build script.
#[cfg(any(feature = "build", test))]
use table::format;
pub use table::{GraphQl, MediaType, Operation, OperationTable, Parameter, Property, RequestBody, Schema};
#[cfg(feature = "client")]
pub use transport::{Network, RetryPolicy};
#[cfg(feature = "client")]
pub use watch::Watch;

/// The Rust blocks of README run as documentation tests.
#[cfg(all(doctest, feature = "sandbox"))]
#[doc = include_str!("../README.md")]
struct Readme;
