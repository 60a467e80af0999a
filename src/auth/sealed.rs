//! What the calls of an operation went out with, kept for those that have the same. It is taken only for the very same
//! places, fields and grant; what was renewed, refused or given back is another grant.

use std::sync::{Arc, Mutex, PoisonError};

use http::header::HeaderMap;

use super::Grant;
use crate::request::{Fields, Place, Placement, Request};

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

    /// Keeps the header fields of a request, as `map` makes them, for others that have the operation's `usual` ones, and no
    /// more.
    pub(crate) fn keep(
        &self,
        usual: &Fields,
        request: &Request,
        grant: &Arc<Grant>,
        map: impl FnOnce() -> HeaderMap,
    ) {
        let in_headers = |one: &Placement| matches!(one.place, Place::Header { .. });
        // With a body they are completed when the body is there.
        let is_bare = request.body.is_none();
        let is_usual = request.headers.is(usual) && request.given.is_empty() && is_bare;
        if !is_usual || grant.is_digest() || !request.credentials.iter().all(in_headers) {
            return;
        }
        let (fields, credentials) = (request.headers.clone(), Arc::clone(&request.credentials));
        let worn = Worn { fields, credentials, grant: Arc::clone(grant), map: map() };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(worn));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;
    use crate::operation::Method;
    use crate::request::Content;

    /// A request that asks for a secret in its header, and for one in its query where that is wished.
    fn request(places: &[Place]) -> Request {
        let placement =
            |place: &Place| Placement { scheme: "s".to_owned(), place: place.clone(), variables: Vec::new() };
        Request {
            operation: None,
            method: Method::Get,
            url: "https://h.example/".to_owned(),
            headers: vec![("accept".to_owned(), "application/json".to_owned())].into(),
            body: None,
            credentials: places.iter().map(placement).collect(),
            given: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn bearer() -> Place {
        Place::Header { name: "authorization".to_owned(), prefix: "Bearer ".to_owned() }
    }

    fn query() -> Place {
        Place::Query { name: "key".to_owned() }
    }

    fn map() -> HeaderMap {
        HeaderMap::from_iter([(http::header::ACCEPT, "application/json".parse().unwrap())])
    }

    #[test]
    fn fields_are_taken_again_for_the_very_same_request_alone() {
        let (request, grant, sealed) = (request(&[bearer()]), Arc::default(), Sealed::default());
        assert!(sealed.last().is_none());
        sealed.keep(&request.headers, &request, &grant, map);
        let worn = sealed.last().unwrap();
        assert!(worn.map(&request, &grant).is_some());
        assert!(worn.grant(&request.credentials).is_some_and(|kept| Arc::ptr_eq(kept, &grant)));

        let equal = super::tests::request(&[bearer()]);
        assert!(worn.map(&Request { headers: equal.headers, ..request.clone() }, &grant).is_none());
        let elsewhere = Arc::clone(&equal.credentials);
        assert!(worn.map(&Request { credentials: elsewhere, ..request.clone() }, &grant).is_none());
        assert!(worn.grant(&equal.credentials).is_none());
        let given = equal.credentials.to_vec();
        assert!(worn.map(&Request { given, ..request.clone() }, &grant).is_none());
        assert!(worn.map(&request, &Arc::default()).is_none(), "another grant");
    }

    #[test]
    fn only_what_stands_in_the_header_of_a_usual_request_without_a_body_is_kept() {
        let is_kept = |usual: Option<&Fields>, request: &Request, grant: Grant| {
            let sealed = Sealed::default();
            sealed.keep(usual.unwrap_or(&request.headers), request, &Arc::new(grant), map);
            sealed.last().is_some()
        };
        let one = request(&[bearer()]);
        assert!(is_kept(None, &one, Grant::default()));
        assert!(is_kept(None, &request(&[]), Grant::default()));
        assert!(!is_kept(Some(&request(&[]).headers), &one, Grant::default()), "fields of its own");
        let given = one.credentials.to_vec();
        assert!(!is_kept(None, &Request { given, ..one.clone() }, Grant::default()));
        let body = Content::Text("x".to_owned()).shared();
        assert!(!is_kept(None, &Request { body, ..one.clone() }, Grant::default()));
        assert!(!is_kept(None, &request(&[bearer(), query()]), Grant::default()), "the URL holds a secret");
        let digest = Some(("s".to_owned(), "user".to_owned(), "password".into()));
        assert!(!is_kept(None, &one, Grant { digest, ..Grant::default() }), "each answer is another one");
    }
}
