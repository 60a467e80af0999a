//! What the calls of an operation went out with, kept for those that have the same. It is taken only for the very same
//! places, fields and grant; what was renewed, refused or given back is another grant.

use std::sync::{Arc, Mutex, PoisonError};

use http::header::HeaderMap;

use super::Grant;
use crate::request::{Fields, Place, Placement, Request};

/// The header fields that the last call of an operation went out with, for those that have the same: secrets are among
/// them, and it has no `Debug`.
#[derive(Default)]
pub(crate) struct Sealed(Mutex<Option<Arc<Headers>>>);

/// Header fields as they go out, and what they were made of.
struct Headers {
    fields: Fields,
    credentials: Arc<[Placement]>,
    grant: Arc<Grant>,
    map: HeaderMap,
}

impl Headers {
    fn is_of(&self, request: &Request, grant: &Arc<Grant>) -> bool {
        request.given.is_empty()
            && request.headers.is(&self.fields)
            && Arc::ptr_eq(&self.credentials, &request.credentials)
            && Arc::ptr_eq(&self.grant, grant)
    }
}

impl Sealed {
    /// What signed in the last call by these credentials, where it would be granted again.
    pub(crate) fn grant(&self, credentials: &Arc<[Placement]>) -> Option<Arc<Grant>> {
        let known = self.last()?;
        let serves = Arc::ptr_eq(&known.credentials, credentials) && known.grant.serves();
        serves.then(|| Arc::clone(&known.grant))
    }

    fn last(&self) -> Option<Arc<Headers>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn map(&self, request: &Request, grant: &Arc<Grant>) -> Option<HeaderMap> {
        let known = self.last().filter(|known| known.is_of(request, grant))?;
        Some(known.map.clone())
    }

    /// Keeps the header fields of a request for others that have the operation's `usual` ones, and no more.
    pub(crate) fn keep(&self, usual: &Fields, request: &Request, grant: &Arc<Grant>, map: &HeaderMap) {
        let in_headers = |one: &Placement| matches!(one.place, Place::Header { .. });
        let is_usual = request.headers.is(usual) && request.given.is_empty();
        let is_kept = || self.last().is_some_and(|known| known.is_of(request, grant));
        if !is_usual || grant.is_digest() || !request.credentials.iter().all(in_headers) || is_kept() {
            return;
        }
        let (fields, credentials) = (request.headers.clone(), Arc::clone(&request.credentials));
        let headers = Headers { fields, credentials, grant: Arc::clone(grant), map: map.clone() };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(headers));
    }
}
