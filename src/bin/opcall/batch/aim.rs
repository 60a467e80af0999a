//! The address of the command line, in a batch: one service's. Credentials of another do not go there, unless a line says
//! so itself.

use std::sync::OnceLock;

use opcall::OperationTable;

use super::line::Line;
use super::lines;
use crate::args::BatchArgs;
use crate::report::Failure;

/// The address of the command line, and the service whose calls go there.
pub(super) struct Aim<'a> {
    address: Option<&'a str>,
    service: OnceLock<String>,
}

impl<'a> Aim<'a> {
    /// A server's index or its name is each service's own, and no address.
    pub(super) fn of(args: &'a BatchArgs) -> Self {
        let server = args.target.server.as_deref();
        Self { address: server.filter(|server| is_address(server)), service: OnceLock::new() }
    }

    /// Refuses to send a call of a service where those of another one go.
    ///
    /// # Errors
    /// For every service but the first.
    pub(super) fn check(&self, service: &str) -> Result<(), Failure> {
        let Some(address) = self.address else { return Ok(()) };
        let first = self.service.get_or_init(|| service.to_owned());
        if first == service {
            return Ok(());
        }
        let hint = "give these lines a \"server\" of their own, or make a batch for each service.".to_owned();
        let problem = format!(
            "--server sends calls of {first} to {address}: calls of {service}, with its credentials, do not go there too"
        );
        Err(Failure::usage(problem, Some(hint)))
    }

    /// Looks at all lines of a file before the first one is sent. What comes through a pipe is looked at when it comes.
    ///
    /// # Errors
    /// Where its lines are calls of several services, and where it cannot be read.
    pub(super) fn check_file(&self, args: &BatchArgs, table: &OperationTable) -> Result<(), Failure> {
        if self.address.is_none() || !std::fs::metadata(&args.file).is_ok_and(|file| file.is_file()) {
            return Ok(());
        }
        lines(&args.file, |text| {
            let line = Line::read(&text.bytes);
            match line.aimed().and_then(|name| service_of(table, args.source.api.as_deref(), name)) {
                Some(service) => self.check(&service).map(|()| true),
                None => Ok(true),
            }
        })
    }
}

/// Whether a choice of a server is an address: it has what only an address has.
fn is_address(server: &str) -> bool {
    server.contains(['.', ':', '/']) || server.eq_ignore_ascii_case("localhost")
}

/// The service of a call, as far as its name tells.
fn service_of(table: &OperationTable, api: Option<&str>, name: &str) -> Option<String> {
    let named = name.split_once(':').map(|(service, _)| service);
    let named = named.filter(|named| table.services().any(|service| service == *named));
    named
        .or(api)
        .map(str::to_owned)
        .or_else(|| table.lookup(name).map(|operation| operation.service().to_owned()))
}
