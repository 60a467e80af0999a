//! Content codings of answers (RFC 9110 §8.4), undone while the body comes and never further than it may grow.
//!
//! The HTTP library would undo them too, but tells nobody how many bytes came for those that it gives: here every
//! layer of a coding is held to a multiple of what the network brought.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use async_compression::tokio::bufread::{
    BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder,
};
use async_compression::zstd::DParameter;
use http::header::{CONTENT_ENCODING, HeaderMap, HeaderValue};
use tokio::io::{AsyncBufRead, AsyncRead, BufReader, ReadBuf};

/// What is asked for: each coding that is known here.
pub(super) const ACCEPTED: HeaderValue = HeaderValue::from_static("zstd,gzip,deflate,br");

/// So many codings may lie one in another.
const MOST_CODINGS: usize = 3;

/// So many bytes may come out of a coding for each byte of the network ...
const RATIO: u64 = 200;

/// ... beyond these: small answers may be as repetitive as they like.
const UNWEIGHED: u64 = 1 << 20;

/// A zstd window has at most 8 MiB in HTTP (RFC 9659 §3); the library would reserve 128.
const ZSTD_WINDOW_BITS: u32 = 23;

/// Bytes that are held between two layers.
const BUFFER: usize = 16 * 1024;

/// A coding that can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// What an answer says of its codings.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Codings {
    /// All are known, in the order in which they were applied; none where the body is plain.
    Known(Vec<Coding>),
    /// One is not known here: the body stays as it comes.
    Unknown,
    /// More than may lie one in another.
    TooMany(usize),
}

impl Codings {
    /// Reads `content-encoding`, also in several lines.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(CONTENT_ENCODING).iter();
        let Ok(lines) = lines.map(HeaderValue::to_str).collect::<Result<Vec<_>, _>>() else {
            return Self::Unknown;
        };
        let names: Vec<_> = lines
            .iter()
            .flat_map(|line| line.split(','))
            .map(|name| name.trim().to_ascii_lowercase())
            .filter(|name| !name.is_empty() && name != "identity")
            .collect();
        if names.len() > MOST_CODINGS {
            return Self::TooMany(names.len());
        }
        let known: Option<Vec<_>> = names.iter().map(|name| Coding::named(name)).collect();
        known.map_or(Self::Unknown, Self::Known)
    }
}

impl Coding {
    fn named(name: &str) -> Option<Self> {
        match name {
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            "br" => Some(Self::Brotli),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Begins to undo the coding; `first` is the first byte of its input.
    fn decoder(self, input: Source, first: u8) -> io::Result<Decoder> {
        Ok(match self {
            Self::Gzip => {
                let mut decoder = GzipDecoder::new(input);
                decoder.multiple_members(true);
                Box::pin(decoder)
            }
            // "deflate" is zlib's format (RFC 9110 §8.4.1.2), but some servers send what zlib would wrap.
            Self::Deflate if first & 0x0f == 8 => Box::pin(ZlibDecoder::new(input)),
            Self::Deflate => Box::pin(DeflateDecoder::new(input)),
            // Reserved by RFC 7932 §9.1; the library takes it for a window of up to 1 GiB.
            Self::Brotli if first & 0x7f == 0x11 => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a brotli window is too large"));
            }
            Self::Brotli => Box::pin(BrotliDecoder::new(input)),
            Self::Zstd => {
                let window = DParameter::window_log_max(ZSTD_WINDOW_BITS);
                let mut decoder = ZstdDecoder::with_params(input, &[window]);
                decoder.multiple_members(true);
                Box::pin(decoder)
            }
        })
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        })
    }
}

/// Bytes on their way in.
pub(super) type Source = Pin<Box<dyn AsyncBufRead + Send>>;

type Decoder = Pin<Box<dyn AsyncRead + Send>>;

/// How many bytes the network brought.
pub(super) type Received = Arc<AtomicU64>;

/// Undoes codings in the reverse of the order in which they were applied.
pub(super) fn undo(codings: Vec<Coding>, body: Source, received: &Received) -> Source {
    codings.into_iter().rev().fold(body, |input, coding| {
        let layer = Layer { state: State::New(input), coding, made: 0, received: Arc::clone(received) };
        Box::pin(BufReader::with_capacity(BUFFER, layer))
    })
}

/// More came out of a coding than the network can have meant.
#[derive(Debug)]
pub(super) struct Overgrown {
    pub(super) coding: Coding,
}

impl fmt::Display for Overgrown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the answer grows more than {RATIO}-fold when its coding ({}) is undone", self.coding)
    }
}

impl std::error::Error for Overgrown {}

/// One coding at work.
struct Layer {
    state: State,
    coding: Coding,
    made: u64,
    received: Received,
}

enum State {
    /// Nothing has come yet: an empty body has no coding.
    New(Source),
    Working(Decoder),
    Over,
}

impl Layer {
    /// The decoder, once its input has a first byte; `None` where there is none.
    fn poll_decoder(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<&mut Decoder>>> {
        if let State::New(input) = &mut self.state {
            let first = ready!(input.as_mut().poll_fill_buf(context))?.first().copied();
            let State::New(input) = std::mem::replace(&mut self.state, State::Over) else {
                return Poll::Ready(Ok(None));
            };
            if let Some(first) = first {
                self.state = State::Working(self.coding.decoder(input, first)?);
            }
        }
        Poll::Ready(Ok(match &mut self.state {
            State::Working(decoder) => Some(decoder),
            _ => None,
        }))
    }

    fn weigh(&mut self, more: usize) -> io::Result<()> {
        self.made += more as u64;
        let received = self.received.load(Ordering::Relaxed);
        if self.made > UNWEIGHED && self.made > received.saturating_mul(RATIO) {
            self.state = State::Over;
            return Err(io::Error::other(Overgrown { coding: self.coding }));
        }
        Ok(())
    }
}

impl AsyncRead for Layer {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let Some(decoder) = ready!(self.poll_decoder(context))? else { return Poll::Ready(Ok(())) };
        ready!(decoder.as_mut().poll_read(context, buffer))?;
        let more = buffer.filled().len() - before;
        // An error comes without bytes.
        Poll::Ready(self.weigh(more).inspect_err(|_| buffer.set_filled(before)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use async_compression::Level;
    use async_compression::tokio::bufread::ZstdEncoder;
    use async_compression::tokio::bufread::{BrotliEncoder, DeflateEncoder, GzipEncoder, ZlibEncoder};
    use tokio::io::AsyncReadExt as _;

    use super::*;

    async fn encoded(coding: Coding, plain: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        match coding {
            Coding::Gzip => GzipEncoder::new(plain).read_to_end(&mut bytes).await,
            Coding::Deflate => ZlibEncoder::new(plain).read_to_end(&mut bytes).await,
            Coding::Brotli => {
                BrotliEncoder::with_quality(plain, Level::Fastest).read_to_end(&mut bytes).await
            }
            Coding::Zstd => ZstdEncoder::new(plain).read_to_end(&mut bytes).await,
        }
        .unwrap();
        bytes
    }

    async fn decoded(codings: &[Coding], bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        let received = Received::new(AtomicU64::new(bytes.len() as u64));
        let mut source = undo(codings.to_vec(), Box::pin(io::Cursor::new(bytes)), &received);
        let mut plain = Vec::new();
        source.read_to_end(&mut plain).await.map(|_| plain)
    }

    const ALL: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];

    fn codings(lines: &[&str]) -> Codings {
        let lines = lines.iter().map(|line| (CONTENT_ENCODING, HeaderValue::from_str(line).unwrap()));
        Codings::of(&lines.collect())
    }

    #[test]
    fn codings_are_read_in_order() {
        assert_eq!(codings(&[]), Codings::Known(vec![]));
        assert_eq!(codings(&["identity", ""]), Codings::Known(vec![]));
        assert_eq!(
            codings(&["GZIP, br", "x-gzip"]),
            Codings::Known(vec![Coding::Gzip, Coding::Brotli, Coding::Gzip])
        );
        assert_eq!(codings(&["gzip, exi"]), Codings::Unknown);
        assert_eq!(codings(&["gzip, gzip", "gzip,gzip"]), Codings::TooMany(4));
    }

    #[tokio::test]
    async fn every_chain_of_three_is_undone() {
        let plain: Vec<u8> = (0..500u32).flat_map(u32::to_le_bytes).collect();
        for first in ALL {
            for second in ALL {
                for third in ALL {
                    let mut bytes = plain.clone();
                    for coding in [first, second, third] {
                        bytes = encoded(coding, &bytes).await;
                    }
                    assert_eq!(decoded(&[first, second, third], bytes).await.unwrap(), plain);
                }
            }
        }
    }

    #[tokio::test]
    async fn what_ends_early_or_is_no_coding_is_an_error() {
        for coding in ALL {
            assert_eq!(decoded(&[coding], Vec::new()).await.unwrap(), b"", "an empty body has no coding");
            let whole = encoded(coding, b"some text, some text, some text").await;
            for length in 1..whole.len() {
                assert!(decoded(&[coding], whole[..length].to_vec()).await.is_err(), "{coding} {length}");
            }
            assert!(decoded(&[coding], b"{\"plain\": true}".to_vec()).await.is_err(), "{coding}");
        }
    }

    #[tokio::test]
    async fn several_members_are_one_body() {
        for coding in [Coding::Gzip, Coding::Zstd] {
            let bytes = [encoded(coding, b"one ").await, encoded(coding, b"two").await].concat();
            assert_eq!(decoded(&[coding], bytes).await.unwrap(), b"one two");
        }
    }

    #[tokio::test]
    async fn deflate_may_come_without_its_wrapping() {
        let mut bytes = Vec::new();
        DeflateEncoder::new(&b"bare"[..]).read_to_end(&mut bytes).await.unwrap();
        assert_eq!(decoded(&[Coding::Deflate], bytes).await.unwrap(), b"bare");
    }

    #[tokio::test]
    async fn nothing_grows_without_bounds() {
        let zeros = |length: usize| vec![0; length];
        for coding in ALL {
            let small = encoded(coding, &zeros(1 << 20)).await;
            assert_eq!(decoded(&[coding], small).await.unwrap().len(), 1 << 20);
            let large = encoded(coding, &zeros(3 << 20)).await;
            let error = decoded(&[coding], large).await.unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("the answer grows more than 200-fold when its coding ({coding}) is undone")
            );
        }
    }

    /// The bytes that come out last may be few: those between the layers count.
    #[tokio::test]
    async fn nothing_grows_between_two_codings() {
        let empty_members = encoded(Coding::Gzip, b"").await.repeat(60_000);
        let bytes = encoded(Coding::Brotli, &empty_members).await;
        let error = decoded(&[Coding::Gzip, Coding::Brotli], bytes).await.unwrap_err();
        assert!(error.to_string().contains("(br)"), "{error}");
    }

    #[tokio::test]
    async fn windows_are_bounded() {
        // A brotli window of 2^30 bytes, and a zstd frame with one of 2^27.
        assert!(decoded(&[Coding::Brotli], vec![0x11, 0x1e, 0x00, 0x00]).await.is_err());
        let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3][..], &[0x01, 0x00, 0x00]].concat();
        let error = decoded(&[Coding::Zstd], frame).await.unwrap_err();
        assert!(error.to_string().contains("memory"), "{error}");
    }
}
