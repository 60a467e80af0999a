//! What the calls of an operation went out with, kept for those that have the same. It is taken only for the very same
//! places, fields and grant; what was renewed, refused or given back is another grant.

use std::sync::{Arc, Mutex, PoisonError};

use http::header::HeaderMap;

use super::Grant;
use crate::request::{Content, Fields, Place, Placement, Request};

/// What the last call of an operation went out with, for those that have the same: secrets are among it, and it has no
/// `Debug`.
#[derive(Default)]
pub(crate) struct Sealed(Mutex<Option<Arc<Worn>>>);

/// Header fields as they went out, and what they were made of.
pub(crate) struct Worn {
    fields: Fields,
    credentials: Arc<[Placement]>,
    grant: Arc<Grant>,
    map: HeaderMap,
}

impl Worn {
    /// What signed in that call by these credentials, where it would be granted again.
    pub(crate) fn grant(&self, credentials: &Arc<[Placement]>) -> Option<&Arc<Grant>> {
        let serves = Arc::ptr_eq(&self.credentials, credentials) && self.grant.serves();
        serves.then_some(&self.grant)
    }

    /// The header fields of a request, where it is made of the same.
    pub(crate) fn map(&self, request: &Request, grant: &Arc<Grant>) -> Option<&HeaderMap> {
        self.is_of(request, grant).then_some(&self.map)
    }

    fn is_of(&self, request: &Request, grant: &Arc<Grant>) -> bool {
        request.given.is_empty()
            && request.headers.is(&self.fields)
            && Arc::ptr_eq(&self.credentials, &request.credentials)
            && Arc::ptr_eq(&self.grant, grant)
    }
}

impl Sealed {
    pub(crate) fn last(&self) -> Option<Arc<Worn>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps the header fields of a request for others that have the operation's `usual` ones, and no more.
    pub(crate) fn keep(&self, usual: &Fields, request: &Request, grant: &Arc<Grant>, map: &HeaderMap) {
        let in_headers = |one: &Placement| matches!(one.place, Place::Header { .. });
        // With a body they are completed when the body is there.
        let is_bare = matches!(request.body, Content::None);
        let is_usual = request.headers.is(usual) && request.given.is_empty() && is_bare;
        if !is_usual || grant.is_digest() || !request.credentials.iter().all(in_headers) {
            return;
        }
        let (fields, credentials) = (request.headers.clone(), Arc::clone(&request.credentials));
        let worn = Worn { fields, credentials, grant: Arc::clone(grant), map: map.clone() };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(worn));
    }
}
