//! Calls that are given up, at every point at which they wait: nothing is left behind, and the next call works.

use std::collections::HashSet;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::task::{Context, Poll};
use std::time::Duration;

use opcall::{Argument, Credentials, FilePart, Harness, Params, Profile};

use crate::support::{Received, Reply, Server, builder, client, in_region, proof};

/// Polls a future so many times, then gives it up.
struct GivenUp<F> {
    call: Pin<Box<F>>,
    left: usize,
}

impl<F: Future> Future for GivenUp<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        match self.call.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

async fn given_up<F: Future>(call: F, after: usize) -> Option<F::Output> {
    GivenUp { call: Box::pin(call), left: after }.await
}

const TOKEN: &str = "/oauth2/token";

/// No answer is there before it is waited for.
fn slowly(reply: Reply) -> Reply {
    reply.after(Duration::from_millis(1))
}

/// One of the ways that a call goes.
#[derive(Debug, Clone, Copy)]
enum Flow {
    /// A token is fetched, then the call is made.
    Token,
    /// The token is refused, another one is fetched, the call is made again.
    Renewal,
    /// A file is sent, and the answer is taken as it comes.
    Stream,
}

impl Flow {
    fn server(self) -> Server {
        let used = Mutex::new(HashSet::new());
        Server::start(move |request: &Received, before| {
            let is_new = || used.lock().unwrap().insert(request.header("authorization").map(str::to_owned));
            slowly(match (self, request.target.as_str()) {
                (Self::Token, TOKEN) => Reply::token("t", 0),
                (Self::Renewal, TOKEN) => Reply::token(&format!("t{before}"), 1800),
                // A token serves once.
                (Self::Renewal, _) if !is_new() => Reply::json(401, "{}"),
                _ => Reply::json(200, "{\"resources\":[]}"),
            })
        })
    }

    fn harness(self, server: &Server) -> Harness {
        match self {
            Self::Token | Self::Renewal => in_region(server),
            Self::Stream => {
                let profile = Profile::new().base_url(server.url());
                builder().profile("falcon", profile.credentials(Credentials::new().access_token("t")))
            }
        }
        .build()
        .unwrap()
    }

    async fn call(self, harness: &Harness) -> opcall::Result<()> {
        match self {
            Self::Token | Self::Renewal => harness.command("tokens_query", ()).await.map(|_| ()),
            Self::Stream => {
                let sample = FilePart::path(file());
                let params: [(&str, Argument); 2] = [("sample", sample.into()), ("file_name", "a".into())];
                let command = harness.command("UploadSampleV3", Params::from(params.to_vec()));
                let mut stream = command.stream().await?;
                while stream.chunk().await?.is_some() {}
                Ok(())
            }
        }
    }
}

/// A file that takes several reads to send.
fn file() -> &'static std::path::Path {
    static FILE: std::sync::OnceLock<tempfile::NamedTempFile> = std::sync::OnceLock::new();
    let made = FILE.get_or_init(|| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![b'x'; 300_000]).unwrap();
        file
    });
    made.path()
}

/// Gives a call up after one poll, after two, and so on until it is done before; after each, the next call works.
async fn at_every_poll(flow: Flow) -> usize {
    let server = flow.server();
    for polls in 1..10_000 {
        // Nothing is connected yet, so that a call waits for that too.
        let harness = flow.harness(&server);
        let done = given_up(flow.call(&harness), polls).await;
        let next = tokio::time::timeout(Duration::from_secs(20), flow.call(&harness)).await;
        next.unwrap_or_else(|_| panic!("{flow:?}: the call after one with {polls} polls does not end"))
            .unwrap_or_else(|error| panic!("{flow:?} after {polls} polls: {error}"));
        if let Some(done) = done {
            done.unwrap();
            return polls;
        }
    }
    panic!("{flow:?} never ends");
}

#[tokio::test]
async fn a_call_may_be_given_up_at_every_await() {
    for flow in [Flow::Token, Flow::Renewal, Flow::Stream] {
        let mut most = 0;
        for _ in 0..proof(2, 20) {
            most = most.max(at_every_poll(flow).await);
        }
        eprintln!("promise 14: {flow:?}: given up at each of {most} polls");
        assert!(most > 2, "{flow:?}");
    }
}

/// One of many that wait for the same token goes away while it fetches: the others have theirs.
#[tokio::test]
async fn those_who_wait_for_a_token_are_not_left_alone() {
    let server = Server::start(|request, _| match request.target.as_str() {
        TOKEN => Reply::token("t", 1800).after(Duration::from_millis(50)),
        _ => Reply::json(200, "{\"resources\":[]}"),
    });
    let harness = in_region(&server).build().unwrap();
    let first = tokio::time::timeout(Duration::from_millis(20), harness.command("tokens_query", ()).send());
    let others = futures_util::future::join_all((0..20).map(|_| harness.command("tokens_query", ()).send()));
    let (first, others) = tokio::join!(first, others);
    assert!(first.is_err(), "it is given up");
    assert!(others.iter().all(Result::is_ok));
    assert_eq!(server.count(TOKEN), 2, "the one that was given up, and one for all others");
}

/// Says to the test below that nothing else runs beside it.
#[cfg(target_os = "linux")]
const ALONE: &str = "OPCALL_TEST_ALONE";

/// Runs itself in a process of its own: here other tests open sockets.
#[cfg(target_os = "linux")]
#[test]
fn no_socket_is_left() {
    if std::env::var_os(ALONE).is_some() {
        return count_sockets();
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "bounds::cancellation::no_socket_is_left", "--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stdout));
    eprintln!("{}", told.lines().find(|line| line.starts_with("promise 14:")).expect("the test ran"));
}

#[cfg(target_os = "linux")]
fn count_sockets() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let drops = proof(100, 1000);
    let servers = [Flow::Token, Flow::Renewal, Flow::Stream].map(|flow| (flow, flow.server()));
    runtime.block_on(async {
        // What is opened once, such as the file of random numbers, counts on both sides.
        for (flow, server) in &servers {
            flow.call(&flow.harness(server)).await.unwrap();
        }
        let before = settled(0).await;
        let mut given = 0;
        let mut held = 0;
        for (flow, server) in &servers {
            let harness = flow.harness(server);
            let mut left = drops / 3 + 1;
            for round in 0.. {
                left -= usize::from(given_up(flow.call(&harness), 1 + round % 5).await.is_none());
                if left == 0 {
                    break;
                }
            }
            given += drops / 3 + 1;
            flow.call(&harness).await.unwrap();
            held = held.max(settled(before).await);
        }
        let after = settled(before).await;
        assert!(given >= drops, "{given} of {drops}");
        assert_eq!(after, before, "open files");
        eprintln!(
            "promise 14: {given} calls given up, {before} open files before, {held} meanwhile, {after} after"
        );
    });
}

/// The number of open files, once it has come down to `expected` or no longer falls.
#[cfg(target_os = "linux")]
async fn settled(expected: usize) -> usize {
    let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let mut lowest = count();
    let mut waiting = pin!(tokio::time::sleep(Duration::from_secs(2)));
    while lowest > expected {
        tokio::select! {
            () = &mut waiting => break,
            () = tokio::time::sleep(Duration::from_millis(20)) => lowest = count(),
        }
    }
    lowest
}

/// A call that is given up while it signs in leaves the account as it was.
#[tokio::test]
async fn an_account_outlives_calls_that_are_given_up() {
    let server = Flow::Token.server();
    let profile = Profile::new().credentials(client());
    let harness = builder().regions("falcon", [("us-1", server.url())]).profile("falcon", profile);
    let harness = harness.build().unwrap();
    for round in 0..proof(100, 1000) {
        given_up(harness.command("tokens_query", ()).send(), 1 + round % 7).await;
    }
    let call = tokio::time::timeout(Duration::from_secs(5), harness.command("tokens_query", ()).send());
    call.await.unwrap().unwrap();
}
