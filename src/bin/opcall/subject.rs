//! What a call is about: an operation of the table, or an endpoint that no table knows.

use opcall::{Command, Error, Harness, Method, Operation, OperationTable, Params};

use crate::config::nearest;
use crate::prepared::shell_word;
use crate::reached::Nature;
use crate::report::{About, Failure};
use crate::split::Word;

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
    /// Finds the operation in the table, beside which `others` are services that can be named; a method with a path that no table knows is called as it stands.
    ///
    /// # Errors
    /// Where nothing or several have the name, and where an endpoint's service is not known.
    pub(crate) fn find(
        (table, others): (&'a OperationTable, &[String]),
        api: Option<&'a str>,
        name: &'a str,
    ) -> Result<Self, Failure> {
        let error = match table.find(api, name) {
            Ok(operation) => return Ok(Self::Listed { operation, name }),
            Err(error @ Error::UnknownOperation(_)) => error,
            Err(error) => return Err(error.into()),
        };
        if let Some(service) = unknown_service(table, api, name) {
            return Err(lacks((table, others), service));
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
    (table, others): (&'t OperationTable, &[String]),
    api: Option<&str>,
    name: &str,
) -> Result<Operation<'t>, Failure> {
    table.find(api, name).map_err(|error| match unknown_service(table, api, name) {
        Some(service) if matches!(error, Error::UnknownOperation(_)) => lacks((table, others), service),
        _ => error.into(),
    })
}

/// Refuses a service that there is not.
///
/// # Errors
/// Where nothing has the name.
pub(crate) fn check_service(
    (table, others): (&OperationTable, &[String]),
    api: Option<&str>,
) -> Result<(), Failure> {
    match api.filter(|api| table.definition(api).is_none()) {
        Some(service) => Err(lacks((table, others), service)),
        None => Ok(()),
    }
}

/// The service that a name which finds nothing is to be of, where there is no such service. IDs hold colons too: what
/// stands before one is a service where no ID begins with it. So do URLs, and items of a call.
fn unknown_service<'n>(table: &OperationTable, api: Option<&'n str>, name: &'n str) -> Option<&'n str> {
    let is_known = |service: &str| table.services().any(|known| known == service);
    let (prefix, rest) = name.split_once(':').unwrap_or_default();
    if is_known(prefix) {
        return None;
    }
    if let Some(api) = api {
        return Some(api).filter(|api| !is_known(api));
    }
    let is_name = !prefix.is_empty() && !rest.is_empty() && !prefix.contains([' ', '/', '=', '@']);
    let is_method = prefix.parse::<Method>().is_ok_and(|method| !matches!(method, Method::Custom(_)));
    if !is_name || is_method || rest.starts_with(['=', '/']) {
        return None;
    }
    let begins = |id: &str| {
        id.split_once(':').is_some_and(|(first, _)| strsim::damerau_levenshtein(first, prefix) < 3)
    };
    let is_of_id = || table.iter().any(|one| begins(one.id()) || one.aliases().any(begins));
    let is_operation = || !matches!(table.get(prefix), Err(Error::UnknownOperation(_)));
    (!is_of_id() && !is_operation()).then_some(prefix)
}

/// An item of a call that stands where its operation is to stand: what follows it has the operation.
pub(crate) fn misplaced(table: &OperationTable, name: &str, words: &[Word]) -> Option<Failure> {
    let (item, _) = name.split_once(['=', ':', '@', ';']).filter(|(item, _)| !item.is_empty())?;
    let operation = words.iter().find_map(|word| match word {
        Word::Item(text) => table.lookup(text).map(|_| text),
        Word::Named { .. } => None,
    })?;
    let problem = format!("\"{item}\" is an argument, and stands before the operation");
    let hint = format!("arguments stand after the operation: `opcall {} ...`.", shell_word(operation));
    Some(Failure::usage(problem, Some(hint)))
}

fn lacks((table, others): (&OperationTable, &[String]), service: &str) -> Failure {
    let known: Vec<_> = table.services().chain(others.iter().map(String::as_str)).collect();
    let near = nearest(service, known.iter().copied())
        .map_or_else(String::new, |near| format!("did you mean `{near}`? Else "));
    let hint = format!("{near}choose one of {}, or load its document.", known.join(", "));
    Failure::config(format!("no service is called \"{service}\""), Some(hint))
}

fn lacks_service(endpoint: &str) -> Failure {
    let hint = "name the service whose address and credentials to use: --api SERVICE.".to_owned();
    Failure::usage(format!("no document knows {endpoint}, so its service is not known"), Some(hint))
}
