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

fn lacks_service(endpoint: &str) -> Failure {
    let hint = "name the service whose address and credentials to use: --api SERVICE.".to_owned();
    Failure::usage(format!("no document knows {endpoint}, so its service is not known"), Some(hint))
}
