//! What a call is about: an operation of the table, or an endpoint that no table knows.

use opcall::{Command, Error, Harness, Method, Operation, OperationTable, Params};

use crate::reached::Nature;
use crate::report::{About, Failure};

/// What is called.
#[derive(Debug, Clone)]
pub(crate) enum Subject<'a> {
    /// An operation and the name it was found by.
    Listed {
        /// The operation.
        operation: Operation<'a>,
        /// The name.
        name: &'a str,
    },
    /// A method and a path below a service's base URL.
    Unlisted {
        /// The service.
        service: &'a str,
        /// The method.
        method: Method,
        /// The path.
        path: &'a str,
    },
}

impl<'a> Subject<'a> {
    /// Finds the operation; a method with a path that no table knows is called as it stands.
    ///
    /// # Errors
    /// Where nothing or several have the name, and where an endpoint's service is not known.
    pub(crate) fn find(
        table: &'a OperationTable,
        api: Option<&'a str>,
        name: &'a str,
    ) -> Result<Self, Failure> {
        let error = match table.find(api, name) {
            Ok(operation) => return Ok(Self::Listed { operation, name }),
            Err(error @ Error::UnknownOperation(_)) => error,
            Err(error) => return Err(error.into()),
        };
        if let Some(service) = unknown_service(table, api, name) {
            return Err(lacks(table, service));
        }
        let (prefix, rest) = match name.split_once(':') {
            Some((prefix, rest)) if table.services().any(|one| one == prefix) => (Some(prefix), rest),
            _ => (None, name),
        };
        let endpoint = rest.split_once(' ').map(|(method, path)| (method.parse(), path.trim_start()));
        match endpoint {
            Some((Ok(method), path)) if path.starts_with('/') => match prefix.or(api) {
                Some(service) => Ok(Self::Unlisted { service, method, path }),
                None => Err(lacks_service(rest)),
            },
            _ => Err(error.into()),
        }
    }

    /// The operation with its service; `service:METHOD /path` for an endpoint that no table knows.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Listed { operation, .. } => operation.qualified_id(),
            Self::Unlisted { service, method, path } => format!("{service}:{method} {path}"),
        }
    }

    /// What is known of a call of it.
    pub(crate) fn about(&self) -> About {
        let (operation, method) = (Some(self.label()), Some(self.method().as_str().to_owned()));
        About { operation, method, ..About::default() }
    }

    /// The operation, where it is one of the table.
    pub(crate) fn operation(&self) -> Option<Operation<'a>> {
        if let Self::Listed { operation, .. } = self { Some(*operation) } else { None }
    }

    /// The short name of its service.
    pub(crate) fn service(&self) -> &'a str {
        match self {
            Self::Listed { operation, .. } => operation.service(),
            Self::Unlisted { service, .. } => service,
        }
    }

    /// The method.
    pub(crate) fn method(&self) -> Method {
        match self {
            Self::Listed { operation, .. } => operation.method(),
            Self::Unlisted { method, .. } => method.clone(),
        }
    }

    /// What a call of it does: it changes nothing by its method, or as a query of GraphQL.
    pub(crate) fn nature(&self) -> Nature {
        let graphql = self.operation().and_then(Operation::graphql);
        let is_query = graphql.as_ref().is_some_and(|graphql| !graphql.is_mutation());
        Nature { only_reads: is_query || self.method().is_safe(), is_graphql: graphql.is_some() }
    }

    /// Whether the answer is a GraphQL envelope.
    pub(crate) fn is_graphql(&self) -> bool {
        self.operation().is_some_and(|operation| operation.graphql().is_some())
    }

    /// The library's command of it.
    pub(crate) fn command(&self, harness: &'a Harness, params: Params) -> Command<'a> {
        match self {
            Self::Listed { operation, name } => harness.command(name, params).service(operation.service()),
            Self::Unlisted { service, method, path } => {
                harness.request(service, method.clone(), path, params)
            }
        }
    }
}

/// Finds an operation that a document knows.
///
/// # Errors
/// Where nothing or several have the name, and where the service is not known.
pub(crate) fn listed<'t>(
    table: &'t OperationTable,
    api: Option<&str>,
    name: &str,
) -> Result<Operation<'t>, Failure> {
    table.find(api, name).map_err(|error| match unknown_service(table, api, name) {
        Some(service) if matches!(error, Error::UnknownOperation(_)) => lacks(table, service),
        _ => error.into(),
    })
}

/// The service that a name which finds nothing is to be of, where there is no such service. IDs hold colons too: what
/// stands before one is a service where no ID begins with it.
fn unknown_service<'n>(table: &OperationTable, api: Option<&'n str>, name: &'n str) -> Option<&'n str> {
    let is_known = |service: &str| table.services().any(|known| known == service);
    let (prefix, rest) = name.split_once(':').unwrap_or_default();
    if is_known(prefix) {
        return None;
    }
    if let Some(api) = api {
        return Some(api).filter(|api| !is_known(api));
    }
    let is_name = !prefix.is_empty() && !rest.is_empty() && !prefix.contains([' ', '/']);
    let begins = |id: &str| {
        id.split_once(':').is_some_and(|(first, _)| strsim::damerau_levenshtein(first, prefix) < 3)
    };
    let is_of_id = || table.iter().any(|one| begins(one.id()) || one.aliases().any(begins));
    (is_name && !is_of_id()).then_some(prefix)
}

fn lacks(table: &OperationTable, service: &str) -> Failure {
    let known: Vec<_> = table.services().collect();
    let hint = format!("choose one of {}, or load its document.", known.join(", "));
    Failure::config(format!("no service is called \"{service}\""), Some(hint))
}

fn lacks_service(endpoint: &str) -> Failure {
    let hint = "name the service whose address and credentials to use: --api SERVICE.".to_owned();
    Failure::usage(format!("no document knows {endpoint}, so its service is not known"), Some(hint))
}
