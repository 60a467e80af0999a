//! Operations without a state machine: found by their path template, checked against the table, answered from
//! their response schemas.

mod answers;
mod body;
mod check;
mod judge;
mod reply;
mod route;
mod sample;

use serde_json::Value;

use super::exchange::{Answer, Incoming};
use crate::document::Document;
use crate::error::Result;
use crate::operation::{Location, SchemeKind, SecuritySchemeDef};
use crate::table::{Operation, OperationTable, ServiceTable};

use self::answers::Answers;
pub(crate) use self::route::{Found, fits};

/// The operations of all services, and what they answer.
#[derive(Debug)]
pub(crate) struct Described {
    table: OperationTable,
    answers: Answers,
}

/// How references of a document are resolved.
type Resolve<'r> = &'r dyn Fn(&str) -> Option<Value>;

impl Described {
    /// The answers of `documents` are known too; their services win over those of the table.
    pub(crate) fn new(mut table: OperationTable, documents: &[Document]) -> Result<Self> {
        let mut answers = Answers::default();
        for document in documents {
            let (loaded, _) = document.read()?;
            answers.read(document)?;
            table.add(loaded);
        }
        Ok(Self { table, answers })
    }

    /// What is served.
    pub(crate) fn table(&self) -> &OperationTable {
        &self.table
    }

    /// Whether there is a service of this name.
    pub(crate) fn has(&self, service: &str) -> bool {
        self.table.service(service).is_some()
    }

    pub(crate) fn services(&self) -> impl Iterator<Item = &str> {
        self.table.services()
    }

    /// The operation that a method and a path mean.
    pub(crate) fn find(&self, service: &str, method: &str, path: &str) -> Found<'_> {
        self.table.service(service).map_or(Found::Nothing, |service| route::find(service, method, path))
    }

    /// The answer of an operation, the same every time.
    pub(crate) fn answer(&self, operation: Operation<'_>) -> Answer {
        let is_built_in = self.table.service(operation.service()).is_some_and(ServiceTable::is_built_in);
        reply::answer(operation, self.answers.of(operation, is_built_in))
    }

    /// Whether a request carries some credentials of the kind that its operation asks for. What they hold is not
    /// looked at: only the three services of the sandbox know their callers.
    pub(crate) fn is_signed_in(&self, operation: Operation<'_>, incoming: &Incoming) -> bool {
        let alternatives: Vec<Vec<&str>> =
            operation.security().map(|all| all.map(|(scheme, _)| scheme).collect()).collect();
        alternatives.is_empty()
            || alternatives
                .iter()
                .any(|all| all.iter().all(|scheme| self.carries(operation.service(), scheme, incoming)))
    }

    /// Whether an operation takes an answer to a challenge (RFC 7616), which a caller has to be given first.
    pub(crate) fn challenges(&self, operation: Operation<'_>) -> bool {
        let schemes = self.schemes(operation.service());
        let is_digest = |kind: &SchemeKind| matches!(kind, SchemeKind::Http { scheme } if scheme == "digest");
        operation.security().any(|mut all| {
            all.any(|(name, _)| schemes.iter().any(|one| one.name == name && is_digest(&one.kind)))
        })
    }

    fn carries(&self, service: &str, scheme: &str, incoming: &Incoming) -> bool {
        let scheme = self.schemes(service).iter().find(|one| one.name == scheme);
        match scheme.map(|scheme| &scheme.kind) {
            Some(SchemeKind::ApiKey { location: Location::Query, name }) => incoming.query(name).is_some(),
            Some(SchemeKind::ApiKey { location: Location::Cookie, name }) => {
                check::cookie(incoming, name).is_some()
            }
            Some(SchemeKind::ApiKey { name, .. }) => incoming.header(name).is_some(),
            Some(SchemeKind::MutualTls) | None => true,
            Some(_) => incoming.header("authorization").is_some(),
        }
    }

    /// Everything that is wrong with a request that came in. A key in its query is no parameter.
    pub(crate) fn problems(
        &self,
        operation: Operation<'_>,
        variables: &[(String, String)],
        incoming: &Incoming,
    ) -> Vec<String> {
        let is_key = |name: &str| {
            self.schemes(operation.service()).iter().any(|scheme| {
                matches!(&scheme.kind, SchemeKind::ApiKey { location: Location::Query, name: key } if key == name)
            })
        };
        let mut bare = incoming.clone();
        bare.query.retain(|(name, _)| !is_key(name));
        check::problems(operation, variables, &bare)
    }

    fn schemes(&self, service: &str) -> &[SecuritySchemeDef] {
        let service = self.table.service(service);
        service.map(|service| &service.definition().security_schemes[..]).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
