//! What changed between two versions of a document, operation by operation.

use opcall::operation::OperationDef;
use opcall::spec::Description;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// `+` new, `-` gone, `~` another.
    pub(super) sign: char,
    /// What it is about.
    pub(super) what: String,
}

/// Compares two versions: servers and sign-in first, then the operations in the new document's order, those that are
/// gone last.
pub(super) fn between(before: &Description, after: &Description) -> Vec<Change> {
    let mut changes = of_service(before, after);
    for operation in &after.operations {
        match before.operations.iter().find(|other| is_same(other, operation)) {
            None => changes.push(Change { sign: '+', what: named(operation) }),
            Some(other) => {
                let parts = parts(other, operation);
                if !parts.is_empty() {
                    let what = format!("{}: {}", named(operation), parts.join(", "));
                    changes.push(Change { sign: '~', what });
                }
            }
        }
    }
    let is_gone = |old: &&OperationDef| !after.operations.iter().any(|new| is_same(old, new));
    let gone = before.operations.iter().filter(is_gone);
    changes.extend(gone.map(|operation| Change { sign: '-', what: named(operation) }));
    changes
}

fn of_service(before: &Description, after: &Description) -> Vec<Change> {
    let (old, new) = (&before.service, &after.service);
    let urls = |servers: &[opcall::operation::ServerDef]| {
        let urls: Vec<_> = servers.iter().map(|server| server.url.as_str()).collect();
        if urls.is_empty() { "none".to_owned() } else { urls.join(", ") }
    };
    let mut changes = Vec::new();
    if old.servers != new.servers {
        let what = format!("servers: {} -> {}", urls(&old.servers), urls(&new.servers));
        changes.push(Change { sign: '~', what });
    }
    if old.security_schemes != new.security_schemes {
        let names: Vec<_> = new.security_schemes.iter().map(|scheme| scheme.name.as_str()).collect();
        changes.push(Change { sign: '~', what: format!("security schemes: {}", names.join(", ")) });
    }
    changes
}

/// An operation is known by its method and path, whatever its ID.
fn is_same(one: &OperationDef, other: &OperationDef) -> bool {
    one.method == other.method && one.path == other.path
}

fn named(operation: &OperationDef) -> String {
    format!("{}  {} {}", operation.id, operation.method, operation.path)
}

/// Which parts of an operation are others; texts for readers do not count.
fn parts(before: &OperationDef, after: &OperationDef) -> Vec<String> {
    let mut parts = Vec::new();
    if before.id != after.id {
        parts.push(format!("was called {}", before.id));
    }
    let parameters = |operation: &OperationDef| {
        let mut parameters = operation.parameters.clone();
        for parameter in &mut parameters {
            parameter.description = None;
        }
        parameters
    };
    let pairs = [
        ("parameters", parameters(before) == parameters(after)),
        ("body", before.body == after.body),
        ("servers", before.servers == after.servers),
        ("security", before.security == after.security),
        ("deprecated", before.deprecated == after.deprecated),
        ("schemas", before.schemas == after.schemas),
        ("answers", before.responses == after.responses),
    ];
    parts.extend(pairs.into_iter().filter(|(_, is_same)| !is_same).map(|(part, _)| part.to_owned()));
    parts
}
