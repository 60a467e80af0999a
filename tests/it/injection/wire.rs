//! The bytes of the wire, read back by a parser that is not ours: heads by `httparse`, the request target by a splitter
//! written from RFC 3986 alone.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

/// One request as its bytes came.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) method: String,
    /// The request target, as it stood on the request line.
    pub(super) target: String,
    /// Names in lower case, values as bytes.
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

/// A raw TCP server that keeps connections open and hands on what it reads.
pub(super) struct Wire {
    pub(super) address: SocketAddr,
    received: Receiver<Result<Sent, String>>,
}

impl Wire {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, received) = channel();
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let sender = sender.clone();
                thread::spawn(move || serve(connection, &sender));
            }
        });
        Self { address, received }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The one request that came since this was last asked.
    pub(super) fn only(&self) -> Result<Sent, String> {
        let one =
            self.received.recv_timeout(Duration::from_secs(10)).map_err(|_| "nothing came".to_owned())?;
        self.none()?;
        one
    }

    /// No request came since this was last asked.
    pub(super) fn none(&self) -> Result<(), String> {
        match self.received.try_recv() {
            Ok(more) => Err(format!("a request too many came: {more:?}")),
            Err(_) => Ok(()),
        }
    }

    /// No request is on its way either.
    pub(super) fn settled(&self) -> Result<(), String> {
        thread::sleep(Duration::from_millis(100));
        self.none()
    }
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

fn serve(mut connection: TcpStream, sender: &Sender<Result<Sent, String>>) {
    let (mut buffer, mut chunk) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        match connection.read(&mut chunk) {
            Ok(0) | Err(_) => {
                if !buffer.is_empty() {
                    let _ = sender.send(Err(format!("half a request: {}", shown(&buffer))));
                }
                return;
            }
            Ok(count) => buffer.extend_from_slice(&chunk[..count]),
        }
        match whole(&buffer) {
            None => {}
            Some(Err(problem)) => {
                let _ = sender.send(Err(problem));
                return;
            }
            Some(Ok((_, length))) if buffer.len() > length => {
                let _ = sender.send(Err(format!("more than one request: {}", shown(&buffer))));
                return;
            }
            Some(Ok((sent, _))) => {
                buffer.clear();
                if sender.send(Ok(sent)).is_err() || connection.write_all(ANSWER).is_err() {
                    return;
                }
            }
        }
    }
}

pub(super) fn shown(bytes: &[u8]) -> String {
    let text = bytes[..bytes.len().min(600)].escape_ascii().to_string();
    if bytes.len() > 600 { format!("{text}... ({} bytes)", bytes.len()) } else { text }
}

/// The request at the start of these bytes with its length; `None` as long as it is not whole.
pub(super) fn whole(bytes: &[u8]) -> Option<Result<(Sent, usize), String>> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut fields);
    let head = match request.parse(bytes) {
        Ok(httparse::Status::Complete(head)) => head,
        Ok(httparse::Status::Partial) => return None,
        Err(error) => return Some(Err(format!("no request ({error}): {}", shown(bytes)))),
    };
    let headers: Vec<_> =
        request.headers.iter().map(|one| (one.name.to_ascii_lowercase(), one.value.to_vec())).collect();
    let lengths: Vec<_> = headers.iter().filter(|(name, _)| name == "content-length").collect();
    let length = match lengths[..] {
        [] => 0,
        [(_, text)] => match std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()) {
            Some(length) => length,
            None => return Some(Err(format!("the length of {}", shown(bytes)))),
        },
        _ => return Some(Err(format!("two lengths: {}", shown(bytes)))),
    };
    let body = bytes.get(head..head + length)?.to_vec();
    let method = request.method.unwrap_or_default().to_owned();
    let target = request.path.unwrap_or_default().to_owned();
    Some(Ok((Sent { method, target, headers, body }, head + length)))
}

/// A request target in origin form (RFC 9112 §3.2.1), split as RFC 3986 §3.3 and §3.4 have it; nothing is decoded.
#[derive(Debug)]
pub(super) struct Target<'t> {
    pub(super) segments: Vec<&'t str>,
    pub(super) query: Option<&'t str>,
}

/// Splits a request target; a letter that no URI may hold there is an error, and so is a segment that is folded away.
/// `more` are letters that pass all the same.
pub(super) fn split<'t>(target: &'t str, more: &[u8]) -> Result<Target<'t>, String> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let Some(inner) = path.strip_prefix('/') else { return Err(format!("no absolute path: {target:?}")) };
    let segments: Vec<_> = inner.split('/').collect();
    for segment in &segments {
        check(segment, &[b"-._~!$&'()*+,;=:@", more].concat())?;
        let plain = decoded(segment)?;
        // RFC 3986 §5.2.4 and §6.2.2.3, after §6.2.2.2: a server may decode before it folds.
        if plain == b"." || plain == b".." {
            return Err(format!("a dot segment: {target:?}"));
        }
    }
    check(query.unwrap_or_default(), &[b"-._~!$&'()*+,;=:@/?", more].concat())?;
    Ok(Target { segments, query })
}

fn check(text: &str, punctuation: &[u8]) -> Result<(), String> {
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = match (byte, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => after,
            _ if byte.is_ascii_alphanumeric() || punctuation.contains(&byte) => after,
            _ => return Err(format!("the byte {byte:#04x} in {text:?}")),
        };
    }
    Ok(())
}

/// Percent-decoded (RFC 3986 §2.1); every `%` must have its two digits.
pub(super) fn decoded(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(0), digit(1)) else {
            return Err(format!("half an escape in {text:?}"));
        };
        bytes.push(u8::try_from(high * 16 + low).unwrap());
        rest = &after[2..];
    }
    Ok(bytes)
}

/// Names and values, decoded.
pub(super) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Pairs of a query or a form, decoded; in a form `+` is a space (WHATWG URL).
pub(super) fn pairs(text: &str, is_form: bool) -> Result<Pairs, String> {
    let plain = |text: &str| if is_form { decoded(&text.replace('+', " ")) } else { decoded(text) };
    let read = |pair: &str| {
        let (name, value) = pair.split_once('=').ok_or_else(|| format!("no pair: {pair:?}"))?;
        Ok((plain(name)?, plain(value)?))
    };
    text.split('&').map(read).collect()
}
