//! Answers made to fill the memory of whoever reads them: each ends soon, with an error that says why.

use std::io::Write as _;
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use async_compression::Level;
use async_compression::tokio::write::{BrotliEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::{Raw, read_head};
use crate::cli::program;
use crate::support::proof;

const MIB: usize = 1 << 20;

/// So many MiB a compressed bomb claims to hold.
const CLAIMED: usize = 10 * 1024;

/// The beginning of a coded stream of zeros, and what each further MiB of zeros is coded as.
struct Bomb {
    head: Vec<u8>,
    block: Vec<u8>,
}

impl Bomb {
    async fn made(coding: &str) -> Self {
        match coding {
            "gzip" => Self::by(GzipEncoder::new(Vec::new()), |encoder| encoder.get_ref().len()).await,
            "deflate" => Self::by(ZlibEncoder::new(Vec::new()), |encoder| encoder.get_ref().len()).await,
            "zstd" => Self::by(ZstdEncoder::new(Vec::new()), |encoder| encoder.get_ref().len()).await,
            _ => {
                let encoder = BrotliEncoder::with_quality(Vec::new(), Level::Fastest);
                Self::by(encoder, |encoder| encoder.get_ref().len()).await
            }
        }
    }

    /// After a flush a stream goes on at a byte, and the next MiB is coded as the one before.
    async fn by<E: AsyncWrite + Unpin + Written>(mut encoder: E, length: impl Fn(&E) -> usize) -> Self {
        let mut lengths = Vec::new();
        for _ in 0..3 {
            encoder.write_all(&vec![0; MIB]).await.unwrap();
            encoder.flush().await.unwrap();
            lengths.push(length(&encoder));
        }
        let bytes = encoder.written();
        let block = bytes[lengths[0]..lengths[1]].to_vec();
        assert_eq!(block, bytes[lengths[1]..lengths[2]], "a MiB is coded as the one before");
        Self { head: bytes[..lengths[0]].to_vec(), block }
    }

    fn bytes(&self) -> Vec<u8> {
        [&self.head[..], &self.block.repeat(CLAIMED)].concat()
    }
}

/// What an encoder has written.
trait Written {
    fn written(&self) -> &[u8];
}

macro_rules! written {
    ($($encoder:ident)*) => {$(
        impl Written for $encoder<Vec<u8>> {
            fn written(&self) -> &[u8] {
                self.get_ref()
            }
        }
    )*};
}

written!(GzipEncoder ZlibEncoder BrotliEncoder ZstdEncoder);

async fn coded(encoding: &str, plain: &[u8]) -> Vec<u8> {
    if encoding == "gzip" {
        let mut encoder = GzipEncoder::new(Vec::new());
        encoder.write_all(plain).await.unwrap();
        encoder.shutdown().await.unwrap();
        return encoder.into_inner();
    }
    let mut encoder = BrotliEncoder::with_quality(Vec::new(), Level::Fastest);
    encoder.write_all(plain).await.unwrap();
    encoder.shutdown().await.unwrap();
    encoder.into_inner()
}

/// A server that answers by an endless repetition.
fn flood(head: &str, piece: Vec<u8>, times: usize) -> Raw {
    let head = head.to_owned();
    Raw::start(move |mut connection| {
        read_head(&mut connection);
        let mut writing = connection.write_all(head.as_bytes());
        for _ in 0..times {
            // The other side closes when it has seen enough.
            writing = writing.and_then(|()| connection.write_all(&piece));
            if writing.is_err() {
                return;
            }
        }
        drain(&mut connection);
    })
}

fn drain(connection: &mut TcpStream) {
    super::wait_for_the_end(connection);
}

/// How a run of the program ended.
struct Ended {
    code: i32,
    stderr: String,
    took: Duration,
    /// The most memory that it had, in KiB.
    peak: u64,
}

fn run(url: &str, further: &[&str]) -> Ended {
    let mut arguments = vec!["panther:api_token_list", "--server", url, "--error-format", "json"];
    arguments.extend(further);
    let mut command = program(&arguments);
    command.env("PANTHER_API_TOKEN", "k").stdout(Stdio::null()).stderr(Stdio::piped());
    let started = Instant::now();
    let mut child = command.spawn().unwrap();
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        peak = peak.max(high_water_mark(&child));
        thread::sleep(Duration::from_millis(1));
    }
    let took = started.elapsed();
    let output = child.wait_with_output().unwrap();
    let code = output.status.code().unwrap_or(-1);
    Ended { code, stderr: String::from_utf8(output.stderr).unwrap(), took, peak }
}

/// The most memory that a process has had so far, in KiB.
fn high_water_mark(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

fn must_end(name: &str, ended: &Ended, code: i32, message: &str) {
    assert_eq!(ended.code, code, "{name}: {}", ended.stderr);
    assert!(ended.stderr.contains(message), "{name}: {}", ended.stderr);
    assert!(ended.stderr.contains("\"sent\":true"), "{name}: {}", ended.stderr);
    assert!(ended.peak < 128 * 1024, "{name}: {} KiB", ended.peak);
    // The debug build on a busy machine gets more time than the proof.
    let limit = Duration::from_secs(proof(20, 2) as u64);
    assert!(ended.took < limit, "{name}: {:?}", ended.took);
    eprintln!("promise 12: {name}: {} ms, {} MiB", ended.took.as_millis(), ended.peak / 1024);
}

fn head(coding: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: {coding}\r\n\r\n")
}

#[tokio::test]
async fn codings_do_not_grow_without_bounds() {
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let bomb = Bomb::made(coding).await;
        let server = flood(&(head(coding)), [&bomb.head[..], &bomb.block.repeat(64)].concat(), 1);
        let further = flood(&head(coding), bomb.bytes(), 1);
        for (name, server) in [("64 MiB", &server), ("10 GiB", &further)] {
            let ended = run(&server.url(), &[]);
            let name = format!("{name} of zeros as {coding}");
            must_end(&name, &ended, 10, "the answer grows more than 200-fold");
        }
    }
}

#[tokio::test]
async fn codings_in_one_another_do_not_grow_without_bounds() {
    let inner = Bomb::made("zstd").await.bytes();
    let bytes = coded("br", &coded("gzip", &inner).await).await;
    let ended = run(&flood(&head("zstd, gzip, br"), bytes, 1).url(), &[]);
    must_end("10 GiB of zeros in three codings", &ended, 10, "the answer grows more than 200-fold");
    let ended = run(&flood(&head("gzip, gzip, gzip, gzip"), vec![0; 10], 1).url(), &[]);
    must_end("four codings", &ended, 10, "the answer has 4 content codings, one in another");
}

/// A stream has no bound of size, but grows no more than any other answer.
#[tokio::test]
async fn saving_bounds_the_growth_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("answer");
    let server = flood(&head("gzip"), Bomb::made("gzip").await.bytes(), 1);
    let ended = run(&server.url(), &["--save", file.to_str().unwrap()]);
    must_end("10 GiB of zeros as gzip, saved", &ended, 10, "the answer grows more than 200-fold");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
}

#[test]
fn endless_bodies_end() {
    let piece = vec![b'x'; 64 * 1024];
    let chunk = [&b"10000\r\n"[..], &piece, b"\r\n"].concat();
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let ended = run(&flood(chunked, chunk.clone(), usize::MAX).url(), &[]);
    must_end("endless chunks", &ended, 10, "the answer is larger than 67108864 bytes");
    let ended = run(&flood("HTTP/1.1 200 OK\r\n\r\n", piece, usize::MAX).url(), &[]);
    must_end("an endless body", &ended, 10, "the answer is larger than 67108864 bytes");
    let ended = run(&flood("HTTP/1.1 503 No\r\n\r\n", chunk, usize::MAX).url(), &["--max-body", "1MiB"]);
    must_end("an endless refusal", &ended, 10, "the answer is larger than 1048576 bytes");
    let long = "HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n";
    let ended = run(&flood(long, vec![b'x'; 10], 1).url(), &[]);
    must_end("a length of 10 GiB", &ended, 10, "the answer is larger than 67108864 bytes");
}

/// JSON in memory is many times as large as its text.
#[test]
fn a_refusal_with_a_large_body_is_not_taken_apart() {
    let body = format!("[{}1]", "1,".repeat(4 * MIB)).into_bytes();
    let head = format!(
        "HTTP/1.1 404 No\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let ended = run(&flood(&head, body, 1).url(), &[]);
    must_end("a refusal of 8 MiB", &ended, 4, "refused");
}

#[test]
fn endless_heads_end() {
    let fields: Vec<u8> = (0..1000).flat_map(|number| format!("x-{number}: v\r\n").into_bytes()).collect();
    let ended = run(&flood("HTTP/1.1 200 OK\r\n", fields, 1000).url(), &[]);
    must_end("a million header fields", &ended, 10, "more than 100, or larger than 400 KB");
    let ended = run(&flood("HTTP/1.1 200 OK\r\nx-long: ", vec![b'v'; MIB], 1024).url(), &[]);
    must_end("a header field of 1 GiB", &ended, 10, "more than 100, or larger than 400 KB");
    let field = format!("HTTP/1.1 200 OK\r\nx-long: {}\r\ncontent-length: 2\r\n\r\n{{}}", "v".repeat(70_000));
    let ended = run(&flood(&field, Vec::new(), 1).url(), &[]);
    must_end("a header field of 70 KB", &ended, 10, "larger than 65536 bytes");
}

#[test]
fn heads_over_http2_end() {
    let root = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(root.path(), super::h2::root()).unwrap();
    for (name, server, message) in super::h2::bombs() {
        let url = server.url().replace("http://", "https://");
        let ended = run(&url, &["--cacert", root.path().to_str().unwrap()]);
        let code = if message.starts_with("no answer") { 9 } else { 10 };
        must_end(name, &ended, code, message);
    }
}
