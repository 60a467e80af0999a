//! Request bodies on their way out: files are streamed, parts are framed by the HTTP library.

use std::path::Path;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::multipart;
use reqwest::{Body, Request, RequestBuilder};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::failure::Failure;
use crate::error::IoError;
use crate::request::{Content, Part, PartContent};

/// Puts a body on a request.
pub(super) async fn attach(builder: RequestBuilder, content: &Content) -> Result<Request, Failure> {
    let builder = match content {
        Content::None => builder,
        Content::Json(text) | Content::Form { text, .. } | Content::Text(text) => builder.body(text.clone()),
        Content::Bytes(bytes) => builder.body(bytes.clone()),
        Content::File(path) => {
            let (body, length) = open(path).await?;
            match length {
                Some(length) => builder.header(CONTENT_LENGTH, length).body(body),
                None => builder.body(body),
            }
        }
        Content::Multipart(parts) => builder.multipart(form(parts).await?),
    };
    Ok(builder.build()?)
}

/// The media type as resolved, such as `multipart/mixed`, with the boundary that the framing chose.
pub(super) fn keep_media_type(request: &mut Request, resolved: Option<&HeaderValue>) {
    let framed = request.headers().get_all(CONTENT_TYPE).iter().filter_map(|value| value.to_str().ok());
    let boundary =
        framed.filter_map(|value| value.split_once("boundary=")).map(|(_, boundary)| boundary).next();
    let media_type = resolved.and_then(|value| value.to_str().ok()).unwrap_or("multipart/form-data");
    let whole = boundary.map(|boundary| format!("{media_type}; boundary={boundary}"));
    if let Some(value) = whole.and_then(|whole| HeaderValue::from_str(&whole).ok()) {
        request.headers_mut().insert(CONTENT_TYPE, value);
    }
}

async fn form(parts: &[Part]) -> Result<multipart::Form, Failure> {
    // The default writes names that are not plain as `name*=`, which RFC 7578 §4.2 forbids.
    let mut form = multipart::Form::new().percent_encode_noop();
    for part in parts {
        form = form.part(quotable(&part.name), framed(part).await?);
    }
    Ok(form)
}

async fn framed(part: &Part) -> Result<multipart::Part, Failure> {
    let mut framed = match &part.content {
        PartContent::Text(text) => multipart::Part::text(text.clone()),
        PartContent::Bytes(bytes) => multipart::Part::stream_with_length(bytes.clone(), bytes.len() as u64),
        PartContent::File(path) => {
            let (body, length) = open(path).await?;
            match length {
                Some(length) => multipart::Part::stream_with_length(body, length),
                None => multipart::Part::stream(body),
            }
        }
    };
    if let Some(filename) = &part.filename {
        framed = framed.file_name(quotable(filename));
    }
    if let Some(media_type) = &part.content_type {
        let refuse = |_| Failure::refuse(&format!("\"{}\" is no media type", media_type.escape_debug()));
        framed = framed.mime_str(media_type).map_err(refuse)?;
    }
    Ok(framed.headers(part_headers(&part.headers)?))
}

fn part_headers(pairs: &[(String, String)]) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let refuse = || Failure::refuse(&format!("\"{}\" is no header of a part", name.escape_debug()));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refuse())?;
        headers.append(name, HeaderValue::from_str(value).map_err(|_| refuse())?);
    }
    Ok(headers)
}

/// Line ends and quotes as browsers write them in a part's head (WHATWG HTML, multipart/form-data encoding).
fn quotable(name: &str) -> String {
    name.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22")
}

/// A file's content and its length, which only a regular file has: a pipe is sent in chunks until it ends, and so is
/// what the system makes up as it is read (`/proc`), which looks empty and is not.
async fn open(path: &Path) -> Result<(Body, Option<u64>), Failure> {
    let failed = |source| IoError { action: format!("reading \"{}\"", path.display()), source };
    let mut file = File::open(path).await.map_err(failed)?;
    let kind = file.metadata().await.map_err(failed)?;
    if !kind.is_file() {
        return Ok((Body::from(file), None));
    }
    if kind.len() > 0 {
        return Ok((Body::from(file), Some(kind.len())));
    }
    let is_empty = file.read(&mut [0]).await.map_err(failed)? == 0;
    if is_empty {
        return Ok((Body::from(Bytes::new()), Some(0)));
    }
    file.rewind().await.map_err(failed)?;
    Ok((Body::from(file), None))
}
