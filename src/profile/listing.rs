//! The servers that an operation's calls can go to, as a person chooses among them.

use super::base::{Base, servers_of};
use super::server::Wish;
use crate::operation::{RegionDef, ServerDef};
use crate::table::{Operation, OperationTable};

/// A server that calls of an operation can go to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Server {
    /// Its place among the servers, counted from 0; `None` for a region, which is chosen by its name.
    pub index: Option<usize>,
    /// What the document says of it.
    pub definition: ServerDef,
    /// The base URL that calls go to, the variables at their defaults; `None` where something has to be named first.
    pub base_url: Option<String>,
}

impl OperationTable {
    /// The servers that calls of an operation can go to: its own or its path's, else the service's and its regions.
    /// [`crate::Command::server`] and [`crate::Profile::server`] choose one by its index or its name.
    ///
    /// ```
    /// # #[cfg(feature = "falcon")]
    /// # {
    /// let table = opcall::OperationTable::built_in();
    /// let servers = table.servers(table.get("tokens_query")?);
    /// assert_eq!(servers[0].index, Some(0));
    /// assert_eq!(servers[0].base_url.as_deref(), Some("https://api.crowdstrike.com"));
    /// assert_eq!(servers[2].definition.name.as_deref(), Some("us-2"));
    /// # }
    /// # Ok::<(), opcall::Error>(())
    /// ```
    #[must_use]
    pub fn servers(&self, operation: Operation<'_>) -> Vec<Server> {
        let Some(service) = self.service(operation.service()) else { return Vec::new() };
        let definition = service.definition();
        let (label, hosts, wish) = (operation.qualified_id(), operation.hosts(), Wish::default());
        let of_service = |server: &ServerDef| {
            let base = Base::of_server(definition, &label, server, &wish, definition.document_url.as_deref());
            base.in_region(definition, &definition.regions)
        };
        let servers = servers_of(definition);
        let own = operation.servers();
        if let (Some(first), false) = (servers.first(), own.is_empty()) {
            let base = of_service(first);
            let of_own = |server: &ServerDef| {
                base.of_operation(definition, &label, std::slice::from_ref(server), &wish)
            };
            return numbered(&own, of_own);
        }
        let mut all = numbered(&servers, |server| of_service(server).at_host(&hosts));
        all.extend(definition.regions.iter().map(|region| of_region(region, &hosts)));
        all
    }
}

fn numbered(servers: &[ServerDef], base: impl Fn(&ServerDef) -> Base) -> Vec<Server> {
    let server = |(index, server): (usize, &ServerDef)| Server {
        index: Some(index),
        definition: server.clone(),
        base_url: real(base(server)),
    };
    servers.iter().enumerate().map(server).collect()
}

fn of_region(region: &RegionDef, hosts: &[(String, String)]) -> Server {
    let definition =
        ServerDef { url: region.url.clone(), name: Some(region.name.clone()), ..ServerDef::default() };
    Server { index: None, definition, base_url: real(Base::of_region(region).at_host(hosts)) }
}

fn real(base: Base) -> Option<String> {
    base.require_real().is_ok().then_some(base.url)
}
