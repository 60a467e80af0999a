//! Several documents of a folder as one service: what each says holds for its own operations alone.

use indexmap::IndexSet;

use super::error::{Effect, Warning, token};
use super::{Description, stem};
use crate::operation::{SecuritySchemeDef, ServerDef};

/// Gives the security schemes of a further document names of their own where others of the folder have theirs: a name
/// means what its own document says (`OpenAPI` Security Requirement Object).
pub(super) fn keep_apart(whole: &Description, found: &mut Description, file: &str) {
    let defined = found.service.security_schemes.iter().map(|scheme| &scheme.name);
    let uses = found.operations.iter().flat_map(|one| &one.security).flatten();
    let names: IndexSet<String> = defined.chain(uses.map(|one| &one.scheme)).cloned().collect();
    let others: Vec<&String> = names.iter().filter(|name| is_another(whole, found, name)).collect();
    for name in others {
        let new = free_name(whole, &names, &format!("{name}_{}", stem(file)));
        for scheme in found.service.security_schemes.iter_mut().filter(|scheme| scheme.name == *name) {
            let section = if found.format.starts_with("swagger") {
                "securityDefinitions"
            } else {
                "components/securitySchemes"
            };
            let problem = format!(
                "another document of the folder has a security scheme `{name}` too; this one is called `{new}`"
            );
            let mut warning = Warning::new(format!("#/{section}/{}", token(name)), problem, Effect::Assumed);
            file.clone_into(&mut warning.file);
            found.warnings.push(warning);
            scheme.name.clone_from(&new);
        }
        let uses = found.operations.iter_mut().flat_map(|one| &mut one.security).flatten();
        uses.filter(|one| one.scheme == *name).for_each(|one| one.scheme.clone_from(&new));
    }
}

/// Whether a name of the document means something else in those before it.
fn is_another(whole: &Description, found: &Description, name: &str) -> bool {
    match (scheme(whole, name), scheme(found, name)) {
        (Some(known), Some(own)) => known.kind != own.kind,
        (Some(_), None) => true,
        (None, Some(_)) => is_used(whole, name),
        (None, None) => false,
    }
}

fn scheme<'d>(description: &'d Description, name: &str) -> Option<&'d SecuritySchemeDef> {
    description.service.security_schemes.iter().find(|scheme| scheme.name == name)
}

fn is_used(description: &Description, name: &str) -> bool {
    description.operations.iter().flat_map(|one| &one.security).flatten().any(|one| one.scheme == name)
}

fn free_name(whole: &Description, names: &IndexSet<String>, wanted: &str) -> String {
    let is_free =
        |name: &String| scheme(whole, name).is_none() && !is_used(whole, name) && !names.contains(name);
    let numbered = (2_usize..).map(|number| format!("{wanted}_{number}"));
    std::iter::once(wanted.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}

/// Adds a further document to a service.
pub(super) fn join(whole: &mut Description, mut found: Description) {
    if found.service.servers != whole.service.servers {
        // A document without servers is at `/` of the place it came from (`OpenAPI` Object, `servers`). An empty URL says
        // so too, and never stands on the host of another document.
        let here = || vec![ServerDef::default()];
        let own = Some(found.service.servers).filter(|own| !own.is_empty()).unwrap_or_else(here);
        for operation in found.operations.iter_mut().filter(|operation| operation.servers.is_empty()) {
            operation.servers.clone_from(&own);
        }
    }
    for scheme in found.service.security_schemes {
        if !whole.service.security_schemes.iter().any(|known| known.name == scheme.name) {
            whole.service.security_schemes.push(scheme);
        }
    }
    if whole.operations.is_empty() {
        whole.format = found.format;
    }
    if whole.service.version.is_empty() {
        whole.service.version = found.service.version;
    }
    whole.documents.append(&mut found.documents);
    whole.operations.append(&mut found.operations);
    whole.warnings.append(&mut found.warnings);
}
