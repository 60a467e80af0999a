//! What is measured: opcall's way and the ways it is held against, each as something to be done so many times.

use std::cell::OnceCell;
use std::hint::black_box;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::join_all;
use opcall::{Credentials, Harness, OperationTable, Params, Profile};
use serde_json::json;
use tempfile::NamedTempFile;
use tokio::runtime::{Builder, Runtime};

/// The arguments of the call that is measured.
const ARGUMENTS: [(&str, &str); 4] =
    [("limit", "5"), ("offset", "0"), ("sort", "created_timestamp|desc"), ("filter", "status:'valid'")];

const PATH: &str = "/installation-tokens/queries/tokens/v1";

/// The ways and the runtime they need. Harness and client come with their first use, so that a process of one way costs
/// that way alone.
pub(crate) struct Ways {
    runtime: Runtime,
    harness: OnceCell<Harness>,
    /// Its operations are told apart by the number of their parameters.
    many: OnceCell<(Harness, NamedTempFile)>,
    client: OnceCell<reqwest::Client>,
    url: String,
}

impl Ways {
    /// For a server at an address, or for no server.
    pub(crate) fn new(url: &str) -> Self {
        Self {
            runtime: Builder::new_current_thread().enable_all().build().expect("a runtime"),
            harness: OnceCell::new(),
            many: OnceCell::new(),
            client: OnceCell::new(),
            url: url.to_owned(),
        }
    }

    fn harness(&self) -> &Harness {
        self.harness.get_or_init(|| {
            let credentials =
                Credentials::new().access_token("a-token-of-some-length-0123456789abcdef0123456789");
            let profile = Profile::new().base_url(&self.url).credentials(credentials);
            Harness::builder().env(|_| None).profile("falcon", profile).build().expect("a harness")
        })
    }

    fn client(&self) -> &reqwest::Client {
        self.client.get_or_init(|| {
            // The HTTP library alone has no provider of its own here.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let client =
                reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
            client.expect("a client")
        })
    }

    /// From a name and arguments to the request as the HTTP library takes it.
    pub(crate) fn resolve(&self, runs: u32) {
        self.runtime.block_on(async {
            for _ in 0..runs {
                let made = pin!(self.harness().command("tokens_query", parameters()).made()).await;
                black_box(made).expect("a request");
            }
        });
    }

    /// The same for an operation with so many parameters, all of them given.
    pub(crate) fn resolve_many(&self, runs: u32, arguments: u32) {
        let names: Vec<_> = (0..arguments).map(|number| format!("parameter_{number}")).collect();
        let id = format!("with_{arguments}");
        let (harness, _) = self.many.get_or_init(many);
        self.runtime.block_on(async {
            for _ in 0..runs {
                let arguments: Params = names.iter().map(|name| (name, "valid")).collect();
                let made = pin!(harness.command(&id, arguments).made()).await;
                black_box(made).expect("a request");
            }
        });
    }

    /// The same with the HTTP library alone, which checks nothing.
    pub(crate) fn build_by_hand(&self, runs: u32) {
        for _ in 0..runs {
            black_box(self.by_hand().build()).expect("a request");
        }
    }

    fn by_hand(&self) -> reqwest::RequestBuilder {
        self.client()
            .get(format!("{}{PATH}", self.url))
            .query(&ARGUMENTS)
            .bearer_auth("a-token-of-some-length-0123456789abcdef0123456789")
            .header("accept", "application/json")
            .header("accept-encoding", "gzip, deflate, br, zstd")
            .header("user-agent", "opcall/0.1.0")
    }

    /// Calls, one after the other.
    pub(crate) fn call(&self, runs: u32) {
        self.runtime.block_on(async {
            for _ in 0..runs {
                let answer = self.harness().command("tokens_query", parameters()).await;
                assert_eq!(black_box(answer).expect("an answer").status(), 200);
            }
        });
    }

    /// The same with the HTTP library alone: status and body are read.
    pub(crate) fn call_by_hand(&self, runs: u32) {
        self.runtime.block_on(async {
            for _ in 0..runs {
                black_box(self.exchange_by_hand().await);
            }
        });
    }

    async fn exchange_by_hand(&self) -> usize {
        let answer = self.by_hand().timeout(Duration::from_secs(30)).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        answer.bytes().await.expect("a body").len()
    }

    /// Calls, so many at once.
    pub(crate) fn call_at_once(&self, runs: u32, width: usize) {
        let one = async || {
            let answer = self.harness().command("tokens_query", parameters()).await;
            assert_eq!(black_box(answer).expect("an answer").status(), 200);
        };
        self.at_once(runs, width, one);
    }

    /// The same with the HTTP library alone.
    pub(crate) fn call_by_hand_at_once(&self, runs: u32, width: usize) {
        let one = async || {
            black_box(self.exchange_by_hand().await);
        };
        self.at_once(runs, width, one);
    }

    fn at_once(&self, runs: u32, width: usize, one: impl AsyncFn()) {
        let each = runs as usize / width;
        let lane = async |_| {
            for _ in 0..each {
                one().await;
            }
        };
        self.runtime.block_on(join_all((0..width).map(lane)));
    }
}

/// How many parameters the operations of a document have that is made for the purpose.
pub(crate) const FEW_AND_MANY: [u32; 2] = [10, 210];

fn many() -> (Harness, NamedTempFile) {
    let parameter =
        |number| json!({"name": format!("parameter_{number}"), "in": "query", "schema": {"type": "string"}});
    let operation = |count: u32| {
        let parameters: Vec<_> = (0..count).map(parameter).collect();
        let id = format!("with_{count}");
        (format!("/{id}"), json!({"get": {"operationId": id, "parameters": parameters, "responses": {}}}))
    };
    let document = json!({
        "openapi": "3.0.3",
        "info": {"title": "Many", "version": "1"},
        "servers": [{"url": "https://many.example"}],
        "paths": serde_json::Map::from_iter(FEW_AND_MANY.map(operation)),
    });
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), document.to_string()).expect("a file");
    let (table, _) = OperationTable::read(file.path()).expect("a document");
    (Harness::builder().env(|_| None).table(table).build().expect("a harness"), file)
}

fn parameters() -> Params {
    ARGUMENTS.into()
}

/// Does one way so many times and nothing else, for what counts instructions or the time of a process.
pub(crate) fn run(name: &str, count: u32, url: Option<&str>) {
    let ways = Ways::new(url.unwrap_or("http://127.0.0.1:9"));
    match name {
        "resolve" => ways.resolve(count),
        "build-by-hand" => ways.build_by_hand(count),
        "call" => ways.call(count),
        "call-by-hand" => ways.call_by_hand(count),
        "call-at-once" => ways.call_at_once(count, 64),
        "call-by-hand-at-once" => ways.call_by_hand_at_once(count, 64),
        other => panic!("no way {other:?}"),
    }
}
