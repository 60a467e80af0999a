//! The server: sockets, HTTP, and what holds for every request before a service sees it.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming as Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::exchange::{Answer, Incoming, Region};
use super::play::Stage;

/// The largest body that is read.
const LARGEST: usize = 64 << 20;

/// How long nothing is accepted after it failed: there may be too many open files.
const PAUSE: Duration = Duration::from_secs(1);

/// One listener.
#[derive(Clone)]
struct Listener {
    stage: Arc<Stage>,
    region: Region,
}

/// Serves one listener until the end is told, and the requests that are under way then.
pub(crate) async fn serve(
    listener: TcpListener,
    stage: Arc<Stage>,
    region: Region,
    mut ended: watch::Receiver<bool>,
) {
    let own = Listener { stage, region };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = end(&mut ended) => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(converse(stream, peer, own.clone(), ended.clone()));
                }
                // It is the client's, and of this connection alone.
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {}
                Err(error) => {
                    tracing::error!(%error, "the sandbox cannot accept a connection");
                    let _ = tokio::time::timeout(PAUSE, end(&mut ended)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Waits until the end is told, or nobody is left to tell it.
async fn end(ended: &mut watch::Receiver<bool>) {
    let _ = ended.wait_for(|ended| *ended).await;
}

/// Answers the requests of one connection, after the end was told only the one under way.
async fn converse(stream: TcpStream, peer: SocketAddr, listener: Listener, mut ended: watch::Receiver<bool>) {
    let answer = service_fn(|request| handle(&listener, peer, request));
    let mut connection = pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    let result = tokio::select! {
        result = &mut connection => result,
        () = end(&mut ended) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection to the sandbox broke");
    }
}

async fn handle(
    listener: &Listener,
    peer: SocketAddr,
    request: Request<Body>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_head = request.method() == http::Method::HEAD;
    let mut response = into_response(answer(listener, peer, request).await);
    if is_head {
        *response.body_mut() = Full::default();
    }
    Ok(response)
}

async fn answer(listener: &Listener, peer: SocketAddr, request: Request<Body>) -> Answer {
    if !is_loopback(request.headers()) {
        return refuse(403, "the sandbox answers to loopback names only");
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LARGEST).collect().await else {
        return refuse(413, "the request body is too large or broke off");
    };
    let (service, path) = split(parts.uri.path());
    let stage = &listener.stage;
    if !stage.serves(service) {
        let known = stage.services().iter().map(|name| format!("/{name}/")).collect::<Vec<_>>().join(", ");
        return refuse(404, &format!("no service has this path; the services are {known}"));
    }
    let mut incoming = incoming(listener, peer, (service, path), &parts, body.to_bytes());
    let (effect, answer) = stage.play(service, &mut incoming);
    if let Err(error) = stage.services.save() {
        tracing::error!(%error, "the state of the sandbox could not be written");
    }
    if let Some(wait) = effect.slow {
        tokio::time::sleep(wait).await;
    }
    tracing::debug!(
        service,
        method = incoming.method,
        path = incoming.path,
        status = answer.status,
        "sandbox"
    );
    answer
}

fn incoming(
    listener: &Listener,
    peer: SocketAddr,
    (service, path): (&str, &str),
    parts: &Parts,
    body: Bytes,
) -> Incoming {
    let stage = &listener.stage;
    let query = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned();
    Incoming {
        method: parts.method.as_str().to_owned(),
        path: own_path(service, path),
        query: query.collect(),
        headers: parts.headers.clone(),
        body,
        peer: peer.ip(),
        region: listener.region,
        elsewhere: format!("{}/{service}", stage.origin(listener.region.other())),
        now: stage.clock.now(),
        trace: stage.trace(),
        moved: false,
    }
}

/// The service's name, and the path below it.
fn split(path: &str) -> (&str, &str) {
    let bare = path.strip_prefix('/').unwrap_or(path);
    let end = bare.find('/').unwrap_or(bare.len());
    (&bare[..end], &bare[end..])
}

/// Panther's base URL ends in `/v1` where it is hosted by the customer: both are served.
fn own_path(service: &str, path: &str) -> String {
    let versioned = (service == "panther").then(|| path.strip_prefix("/v1")).flatten();
    versioned.filter(|rest| rest.starts_with('/')).unwrap_or(path).to_owned()
}

/// Whether the request was meant for a loopback name: a page of another site that made its name point here
/// (DNS rebinding) is refused.
fn is_loopback(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get("host").and_then(|host| host.to_str().ok()) else { return false };
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A refusal by the sandbox itself.
fn refuse(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({"message": message}))
}

fn into_response(answer: Answer) -> Response<Full<Bytes>> {
    let mut builder = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        builder = builder.header(name, value);
    }
    builder.body(Full::from(answer.body)).unwrap_or_default()
}
