//! Servers that stop in the middle of everything: whichever limit is set ends the wait in time, and says what it was.

use std::io::Write as _;
use std::time::{Duration, Instant};

use flate2::write::GzEncoder;
use futures_util::future::join_all;
use opcall::{Command, Error, Harness, Phase, Profile, RetryPolicy};

use super::{Raw, harness, wait_for_the_end};
use crate::support::{Reply, Server, builder, client, proof};

const LIMIT: Duration = Duration::from_millis(200);
const LONGER: Duration = Duration::from_millis(400);
const NEVER: Duration = Duration::from_secs(60);

/// Where a server stops.
#[derive(Clone, Copy, PartialEq)]
enum Point {
    /// In the handshake of TLS, so that no connection stands.
    Handshake,
    /// Before the head of the answer is whole.
    Head,
    /// After it.
    Body,
}

fn points() -> Vec<(&'static str, Point, Raw)> {
    let mut coder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    coder.write_all(&b"0123456789".repeat(100)).unwrap();
    let coded = coder.finish().unwrap();
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", coded.len());
    let in_coding = [head.as_bytes(), &coded[..coded.len() / 2]].concat();
    let chunked = |rest: &str| format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{rest}");
    let text = |text: &str| Raw::stalling(text.as_bytes());
    vec![
        ("in the handshake", Point::Handshake, Raw::start(|mut socket| wait_for_the_end(&mut socket))),
        ("before the answer", Point::Head, text("")),
        ("in the status line", Point::Head, text("HTTP/1.1 20")),
        ("in the header fields", Point::Head, text("HTTP/1.1 200 OK\r\ncontent-type: appl")),
        ("after the head", Point::Body, text("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")),
        ("in a chunk's size", Point::Body, text(&chunked("5\r\nabcde\r\n1"))),
        ("in a chunk", Point::Body, text(&chunked("5\r\nabc"))),
        ("before the trailers", Point::Body, text(&chunked("5\r\nabcde\r\n0\r\n"))),
        ("in a coded body", Point::Body, Raw::stalling(in_coding)),
    ]
}

/// Which limit is short.
#[derive(Debug, Clone, Copy)]
enum Set {
    Connect,
    Attempt,
    Whole,
    Idle,
}

const ALL: [Set; 4] = [Set::Connect, Set::Attempt, Set::Whole, Set::Idle];

/// Who sets it.
#[derive(Debug, Clone, Copy)]
enum By {
    Harness,
    Call,
}

impl Set {
    /// The limit that ends the wait where another one is longer, and what it says.
    fn expected(self, point: Point) -> (Duration, Phase) {
        let unless_connecting = |phase| if point == Point::Handshake { Phase::ConnectTimeout } else { phase };
        match (self, point) {
            (Self::Connect, Point::Handshake) => (LIMIT, Phase::ConnectTimeout),
            (Self::Idle, Point::Body) => (LIMIT, Phase::Stalled),
            (Self::Connect | Self::Idle, _) => (LONGER, unless_connecting(Phase::AnswerTimeout)),
            (Self::Attempt | Self::Whole, _) => (LIMIT, unless_connecting(Phase::AnswerTimeout)),
        }
    }

    fn harness(self, by: By, url: &str) -> Harness {
        let builder = harness(url).timeout(NEVER).connect_timeout(NEVER).max_time(NEVER).idle_timeout(NEVER);
        match (by, self) {
            (By::Call, _) => builder,
            (By::Harness, Self::Connect) => builder.connect_timeout(LIMIT).timeout(LONGER),
            (By::Harness, Self::Attempt) => builder.timeout(LIMIT),
            (By::Harness, Self::Whole) => builder.max_time(LIMIT),
            (By::Harness, Self::Idle) => builder.idle_timeout(LIMIT).timeout(LONGER),
        }
        .build()
        .unwrap()
    }

    /// A command whose limit the call itself sets.
    fn limited(self, command: Command<'_>) -> Command<'_> {
        match self {
            Self::Connect => command.connect_timeout(LIMIT).timeout(LONGER),
            Self::Attempt => command.timeout(LIMIT),
            Self::Whole => command.max_time(LIMIT),
            Self::Idle => command.idle_timeout(LIMIT).timeout(LONGER),
        }
    }

    async fn call(self, by: By, url: &str) -> Error {
        let harness = self.harness(by, url);
        let command = harness.command("api_token_list", ());
        let command = if matches!(by, By::Call) { self.limited(command) } else { command };
        match self {
            Self::Idle => drained(command).await,
            _ => command.await.unwrap_err(),
        }
    }
}

async fn drained(command: Command<'_>) -> Error {
    let mut stream = match command.stream().await {
        Ok(stream) => stream,
        Err(error) => return error,
    };
    loop {
        match stream.chunk().await {
            Ok(chunk) => assert!(chunk.is_some(), "the body ended"),
            Err(error) => return error,
        }
    }
}

/// How much later than its limit a wait may end: the debug build on a busy machine gets more than the proof.
fn grace() -> Duration {
    Duration::from_millis(proof(3000, 250) as u64)
}

async fn cell((set, by): (Set, By), name: &str, point: Point, server: &Raw) -> Duration {
    let scheme = if point == Point::Handshake { "https" } else { "http" };
    let url = format!("{scheme}://{}", server.address);
    let (limit, phase) = set.expected(point);
    // TLS is set up with the first connection, which reads the system's roots.
    let started = Instant::now();
    let error = set.call(by, &url).await;
    let late = started.elapsed().saturating_sub(limit);
    assert!(started.elapsed() >= limit, "{name}, {set:?} of the {by:?}: {:?}", started.elapsed());
    assert!(late < grace(), "{name}, {set:?} of the {by:?}: {late:?} late");
    let Error::Transport(error) = error else { panic!("{name}, {set:?} of the {by:?}: {error}") };
    assert_eq!(error.phase, phase, "{name}, {set:?} of the {by:?}");
    assert_eq!(error.was_sent(), point != Point::Handshake, "{name}, {set:?} of the {by:?}");
    late
}

#[tokio::test]
async fn every_stall_ends_in_time() {
    let points = points();
    let cells: Vec<_> = ALL.iter().flat_map(|set| [(*set, By::Harness), (*set, By::Call)]).collect();
    assert_eq!(points.len() * cells.len(), 72);
    let mut latest = Duration::ZERO;
    for set in cells {
        for (name, point, server) in &points {
            latest = latest.max(cell(set, name, *point, server).await);
        }
    }
    eprintln!("promise 13: 72 stalls, the latest {} ms after its limit", latest.as_millis());
}

/// How a call ends whose token endpoint stops, by a limit of its own.
#[cfg(feature = "falcon")]
async fn signing_in(set: Set, name: &str, point: Point, server: &Raw) -> Duration {
    let scheme = if point == Point::Handshake { "https" } else { "http" };
    let profile = Profile::new().base_url(format!("{scheme}://{}", server.address)).credentials(client());
    let builder = builder().profile("falcon", profile).retry(RetryPolicy::never());
    let builder = builder.timeout(NEVER).connect_timeout(NEVER).max_time(NEVER);
    let harness = builder.build().unwrap();
    let command = harness.command("tokens_query", ());
    let command = set.limited(command);
    let started = Instant::now();
    let error = command.await.unwrap_err();
    let (limit, phase) = set.expected(point);
    let late = started.elapsed().saturating_sub(limit);
    assert!(started.elapsed() >= limit, "{name}, {set:?}: {:?}", started.elapsed());
    assert!(late < grace(), "{name}, {set:?}: {late:?} late");
    let Error::Transport(error) = error else { panic!("{name}, {set:?}: {error}") };
    assert!(error.signing_in && !error.was_sent(), "{name}, {set:?}: {error}");
    assert_eq!((error.phase, error.attempts.len()), (phase, 1), "{name}, {set:?}");
    late
}

#[cfg(feature = "falcon")]
#[tokio::test]
async fn every_stall_of_a_token_endpoint_ends_in_time() {
    let points = points();
    let mut latest = Duration::ZERO;
    for set in [Set::Attempt, Set::Connect, Set::Whole] {
        let cells = points.iter().map(|(name, point, server)| signing_in(set, name, *point, server));
        latest = join_all(cells).await.into_iter().fold(latest, Duration::max);
    }
    let count = 3 * points.len();
    eprintln!(
        "promise 13: {count} stalls of a token endpoint, the latest {} ms after its limit",
        latest.as_millis()
    );
}

/// The limits of a call win over those of its harness, be they longer or shorter.
#[tokio::test]
async fn every_limit_of_a_call_wins() {
    let silent = Raw::start(|mut socket| wait_for_the_end(&mut socket));
    let secure = harness(&format!("https://{}", silent.address));
    let secure = secure.connect_timeout(Duration::from_millis(1)).build().unwrap();
    let started = Instant::now();
    let error = secure.command("api_token_list", ()).connect_timeout(LONGER).await.unwrap_err();
    assert!(started.elapsed() >= LONGER, "{:?}", started.elapsed());
    let Error::Transport(error) = error else { panic!("{error}") };
    assert_eq!(error.phase, Phase::ConnectTimeout);
    assert_eq!(cause(&error), "no connection with TLS within 400ms");

    let mute = Raw::stalling("");
    let patient = harness(&mute.url()).build().unwrap();
    let error = patient.command("api_token_list", ()).max_time(LIMIT).await.unwrap_err();
    assert_eq!((error.kind(), error.was_sent()), ("timeout", true));
    let Error::Transport(error) = error else { panic!("{error}") };
    assert_eq!(cause(&error), "the call was not done within 200ms");
    let error = patient.command("api_token_list", ()).timeout(LIMIT).await.unwrap_err();
    let Error::Transport(error) = error else { panic!("{error}") };
    assert_eq!(cause(&error), "the attempt was not done within 200ms");

    let half = Raw::stalling("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345");
    let patient = harness(&half.url()).build().unwrap();
    let error = drained(patient.command("api_token_list", ()).idle_timeout(LIMIT)).await;
    assert_eq!(error.hint().unwrap(), "let its body stand still for longer (`idle_timeout`).");
    let Error::Transport(error) = error else { panic!("{error}") };
    assert_eq!(cause(&error), "not a byte of the answer came for 200ms");
    let told = |how| format!("the answer (200) of {} {how} after 5 bytes; it was sent", half.url());
    assert_eq!(error.to_string(), told("stood still"));
    let error = patient.command("api_token_list", ()).timeout(LIMIT).await.unwrap_err();
    assert_eq!((error.to_string(), error.status()), (told("was not whole in time: it ended"), Some(200)));
}

fn cause(error: &opcall::TransportError) -> String {
    error.source.as_ref().unwrap().to_string()
}

/// A stream may take as long as it likes while it goes on: no time of an attempt or a harness ends it. That of the call
/// itself does.
#[tokio::test]
async fn a_slow_stream_is_no_stall() {
    let server = Raw::start(|mut socket| {
        super::read_head(&mut socket);
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n");
        for _ in 0..8 {
            std::thread::sleep(Duration::from_millis(100));
            let _ = socket.write_all(b"x");
        }
        wait_for_the_end(&mut socket);
    });
    let harness =
        harness(&server.url()).timeout(LONGER).max_time(LONGER).idle_timeout(LONGER).build().unwrap();
    let mut stream = harness.command("api_token_list", ()).stream().await.unwrap();
    let mut length = 0;
    while let Some(chunk) = stream.chunk().await.unwrap() {
        length += chunk.len();
    }
    assert_eq!(length, 8);
    // On a connection of its own: the server answers one request on each.
    let another = super::harness(&server.url()).build().unwrap();
    let error = drained(another.command("api_token_list", ()).max_time(LONGER)).await;
    assert_eq!((error.kind(), error.status(), error.was_sent()), ("timeout", Some(200), true), "{error}");
    let Error::Transport(error) = error else { panic!("{error}") };
    assert_eq!(cause(&error), "the call was not done within 400ms");
    assert!(error.begun().unwrap().received > 0);
    let error = harness.command("api_token_list", ()).await.unwrap_err();
    assert_eq!(error.kind(), "timeout", "an answer that is not streamed has its time as a whole");
}

#[tokio::test]
async fn a_time_of_zero_is_refused_before_anything_is_sent() {
    let error = harness("http://127.0.0.1:9").timeout(Duration::ZERO).build().unwrap_err();
    assert_eq!(error.to_string(), "the timeout of an attempt is zero, and nothing is done in no time");
    let sink = Server::sink();
    let harness = harness(&sink.url()).build().unwrap();
    let command = || harness.command("api_token_list", ());
    for command in [
        command().timeout(Duration::ZERO),
        command().connect_timeout(Duration::ZERO),
        command().max_time(Duration::ZERO),
        command().idle_timeout(Duration::ZERO),
    ] {
        let error = command.await.unwrap_err();
        assert_eq!((error.kind(), error.was_sent()), ("config", false));
    }
    assert!(sink.received().is_empty());
}

#[tokio::test]
async fn no_limit_is_a_limit_too() {
    let server = Server::start(|_, _| Reply::json(200, "{}"));
    let (max, builder) = (Duration::MAX, harness(&server.url()));
    let harness = builder.timeout(max).connect_timeout(max).max_time(max).idle_timeout(max).build().unwrap();
    harness.command("api_token_list", ()).await.unwrap();
    harness.command("api_token_list", ()).stream().await.unwrap();
}
