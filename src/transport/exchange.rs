//! One attempt: a request goes out once, and its answer is read within its bounds.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::BytesMut;
use http::header::CONTENT_TYPE;

use super::failure::Failure;
use super::{Answer, Transport, Wire, body, connecting};
use crate::request::Content;

impl Transport {
    pub(super) async fn attempt(&self, wire: &Wire, unsent: &AtomicBool) -> Result<Answer, Failure> {
        let url = wire.shown_url();
        tracing::debug!(operation = wire.operation, method = %wire.method, url, "sending");
        unsent.store(true, Ordering::Relaxed);
        let outcome = self.exchange(wire, unsent).await;
        match &outcome {
            Ok(answer) => tracing::debug!(status = answer.status, length = answer.body.len(), "answered"),
            Err(failure) => tracing::debug!(%failure, "failed"),
        }
        outcome
    }

    async fn exchange(&self, wire: &Wire, unsent: &AtomicBool) -> Result<Answer, Failure> {
        let client = self.clients.get(&wire.url, &self.settings)?;
        let method = reqwest::Method::from_bytes(wire.method.as_str().as_bytes())
            .map_err(|_| Failure::refuse("the method cannot be sent"))?;
        let builder = client.request(method, wire.url.clone()).headers(wire.headers.clone());
        let builder = builder.timeout(wire.timeout.unwrap_or(self.settings.timeout));
        let mut request = body::attach(builder, &wire.content).await?;
        if let Content::Multipart(_) = wire.content {
            body::keep_media_type(&mut request, wire.headers.get(CONTENT_TYPE));
        }
        let sent = connecting::watched(client.execute(request), unsent).await;
        let unsent = unsent.swap(false, Ordering::Relaxed);
        let response = sent.map_err(|error| Failure::before_answer(error, self.has_certificate(), unsent))?;
        self.read(response, wire.largest.unwrap_or(self.settings.max_body)).await
    }

    /// Reads a body to its end, counted after content decoding.
    async fn read(&self, mut response: reqwest::Response, largest: u64) -> Result<Answer, Failure> {
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(Failure::broken)? {
            if (body.len() + chunk.len()) as u64 > largest {
                return Err(Failure::TooLarge(largest));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body: body.freeze(), attempts: Vec::new() })
    }
}
