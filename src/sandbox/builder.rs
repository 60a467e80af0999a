//! What a sandbox may be told before it starts.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;

use super::clock::{Clock, Ticker};
use super::described::Described;
use super::exchange::Region;
use super::falcon::Rates;
use super::fault::{Fault, Faults};
use super::play::Stage;
use super::state::Services;
use super::{Sandbox, app, io};
use crate::document::Document;
use crate::error::{Error, Result, UnsafeError};
use crate::table::OperationTable;

/// What a sandbox may be told before it starts.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use opcall::sandbox::Sandbox;
///
/// let sandbox = Sandbox::builder()
///     .clock("2025-06-01T00:00:00Z".parse()?)
///     .fault("tokens_query:503;times=1".parse()?)
///     .start()
///     .await?;
/// # sandbox.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is started"]
pub struct SandboxBuilder {
    host: IpAddr,
    port: u16,
    seed: u64,
    clock: Clock,
    faults: Vec<Fault>,
    rates: Rates,
    page: Option<usize>,
    table: Option<OperationTable>,
    documents: Vec<Document>,
    state_file: Option<PathBuf>,
}

impl Default for SandboxBuilder {
    fn default() -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            seed: 1,
            clock: Clock::default(),
            faults: Vec::new(),
            rates: Rates::default(),
            page: None,
            table: None,
            documents: Vec::new(),
            state_file: None,
        }
    }
}

impl SandboxBuilder {
    /// The address to listen on, 127.0.0.1 unless told; only loopback is let through.
    pub fn host(self, host: IpAddr) -> Self {
        Self { host, ..self }
    }

    /// The port of the first listener; 0, the default, takes a free one. The second listener always does.
    pub fn port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// The seed of identifiers and secrets, 1 unless told.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The clock, the system's unless told.
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Adds a failure to play; the first one that is about a call is played.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// How many calls a minute a Falcon client has, 6,000 unless told.
    pub fn rate(mut self, calls: u32) -> Self {
        self.rates.valid = calls;
        self
    }

    /// How many calls a minute an address has at Falcon without a valid bearer token, 15 unless told.
    pub fn rate_without_token(mut self, calls: u32) -> Self {
        self.rates.invalid = calls;
        self
    }

    /// How many calls a minute an address has at Falcon's token endpoint, 300 unless told.
    pub fn rate_of_token_endpoint(mut self, calls: u32) -> Self {
        self.rates.token = calls;
        self
    }

    /// Falcon tells in milliseconds, not in seconds, when calls are welcome again: its documents and its clients
    /// read `X-RateLimit-RetryAfter` differently.
    pub fn retry_after_in_milliseconds(mut self) -> Self {
        self.rates.milliseconds = true;
        self
    }

    /// How many tokens a page of Panther's list has; without it the list is one page.
    pub fn page(self, tokens: usize) -> Self {
        Self { page: Some(tokens.max(1)), ..self }
    }

    /// The operations to serve, the built-in ones unless told. Those of a service of your own stand under
    /// `/<service>/`; their answers are empty objects, for a table has no response schemas: see
    /// [`SandboxBuilder::spec`].
    pub fn table(self, table: OperationTable) -> Self {
        Self { table: Some(table), ..self }
    }

    /// Adds the operations of a document, or of a service's folder, and makes their answers from its schemas.
    pub fn spec(self, path: impl Into<PathBuf>) -> Self {
        self.document(Document::open(path))
    }

    /// Adds the operations of a document, as [`SandboxBuilder::spec`] does.
    pub fn document(mut self, document: Document) -> Self {
        self.documents.push(document);
        self
    }

    /// A JSON file for the state: read at the start where it is there, written after each change, readable by its
    /// owner alone.
    pub fn state_file(self, path: impl Into<PathBuf>) -> Self {
        Self { state_file: Some(path.into()), ..self }
    }

    /// Starts the sandbox.
    ///
    /// # Errors
    /// [`Error::Unsafe`] for an address beyond loopback, [`Error::Io`] where a port or the state file cannot be
    /// had, [`Error::Config`] where the state file holds something else, [`Error::Spec`] where a document cannot be
    /// read.
    pub async fn start(self) -> Result<Sandbox> {
        if !self.host.is_loopback() {
            let problem = format!("the sandbox listens on loopback addresses only, not on {}", self.host);
            let hint = Some("Leave the address out: it is 127.0.0.1.".to_owned());
            return Err(Error::Unsafe(Box::new(UnsafeError { problem, hint, ..UnsafeError::default() })));
        }
        let table = self.table.clone().unwrap_or_else(OperationTable::built_in);
        let described = Described::new(table, &self.documents)?;
        let services = Services::open(self.seed, self.state_file.clone())?;
        services.falcon().rates = self.rates;
        services.panther().page = self.page;
        let (first, second) = (listen(self.host, self.port).await?, listen(self.host, 0).await?);
        let addresses = [address(&first)?, address(&second)?];
        let stage = Arc::new(Stage {
            addresses,
            described,
            services,
            clock: Ticker::new(self.clock),
            faults: Faults::new(self.faults).into(),
            counts: std::sync::Mutex::default(),
            traces: super::ids::Ids::new(self.seed, 0).into(),
        });
        let (end, ended) = watch::channel(false);
        let servers = [(first, Region::Us1), (second, Region::Us2)].map(|(listener, region)| {
            tokio::spawn(app::serve(listener, Arc::clone(&stage), region, ended.clone()))
        });
        Ok(Sandbox { stage, end, servers: servers.into() })
    }
}

async fn listen(host: IpAddr, port: u16) -> Result<TcpListener> {
    let address = SocketAddr::new(host, port);
    TcpListener::bind(address).await.map_err(|source| io(&format!("listening on {address}"), source))
}

fn address(listener: &TcpListener) -> Result<SocketAddr> {
    listener.local_addr().map_err(|source| io("asking for the address of a listener", source))
}
