//! Operations that a document has, but that were left out when it was read whole, for what is wrong with them.
//!
//! Their names stay taken: who calls one is told what is wrong with it, as of a document whose operations are read one by
//! one, and gets no operation of that name from another service.

use super::format::{Tier, fold_flat, fold_separators};
use super::{OperationTable, tiers};
use crate::spec::{self, Effect, SpecError, Warning};

/// One that was left out, or all of a path.
#[derive(Debug, Clone)]
pub(super) struct LeftOut {
    service: String,
    /// `None` for all that are only counted.
    names: Option<spec::LeftOut>,
    error: SpecError,
}

impl OperationTable {
    /// Notes what was left out of the document that the table's service came from.
    pub(crate) fn leave_out(&mut self, warnings: &[Warning]) {
        let Some(service) = self.services.first() else { return };
        let of = |warning: &Warning| {
            let error = SpecError {
                file: warning.file.clone(),
                pointer: Some(warning.pointer.clone()),
                position: warning.position,
                problem: warning.problem.clone(),
                hint: None,
            };
            let names = warning.left_out.as_deref().cloned();
            if names.is_none() && (warning.effect != Effect::OperationSkipped || warning.count < 2) {
                return None;
            }
            let error = if names.is_some() {
                error
            } else {
                let problem = format!(
                    "{} operations that cannot be read are not told one by one, and one of them may be meant",
                    warning.count
                );
                SpecError { problem, ..error }
                    .hint("Name the service of the operation that is meant: `SERVICE:ID`.")
            };
            Some(LeftOut { service: service.name().to_owned(), names, error })
        };
        let found: Vec<_> = warnings.iter().filter_map(of).collect();
        if !found.is_empty() {
            self.left_out = found.into();
        }
    }

    /// Takes over what was left out of the services of another table, which come in place of those that have their names.
    pub(super) fn take_left_out(&mut self, other: &Self) {
        if self.left_out.is_empty() && other.left_out.is_empty() {
            return;
        }
        let stays = |one: &&LeftOut| other.service(&one.service).is_none();
        let own = self.left_out.iter().filter(stays);
        self.left_out = own.chain(other.left_out.iter()).cloned().collect();
    }

    /// What is wrong with the operation that a name means, where that was left out. Where its service has another one of
    /// that name, that one is meant.
    pub(super) fn why_left_out(&self, service: Option<&str>, name: &str) -> Option<SpecError> {
        if self.left_out.is_empty() {
            return None;
        }
        for tier in tiers(name) {
            let found = self.candidates(service, tier, name);
            let has = |service: &str| found.iter().any(|one| self.services[one.service].name() == service);
            let mut left_out = self
                .left_out
                .iter()
                .filter(|one| service.is_none_or(|wanted| wanted == one.service) && one.is_named(tier, name));
            if let Some(one) = left_out.find(|one| !has(&one.service)) {
                return Some(one.error.clone());
            }
            if !found.is_empty() {
                let mut counted = self.left_out.iter().filter(|one| one.names.is_none() && service.is_none());
                return counted.find(|one| !has(&one.service)).map(|one| one.error.clone());
            }
        }
        None
    }
}

impl LeftOut {
    fn is_named(&self, tier: Tier, name: &str) -> bool {
        let Some(spec::LeftOut { id, id_is_made, aliases, method, path }) = &self.names else { return false };
        let is_folded = |fold: fn(&str) -> String| {
            let wanted = fold(name);
            !wanted.is_empty() && id.iter().chain(aliases).any(|known| fold(known) == wanted)
        };
        match tier {
            Tier::Exact => !id_is_made && id.as_deref() == Some(name),
            Tier::Made => *id_is_made && id.as_deref() == Some(name),
            Tier::Alias => aliases.iter().any(|alias| alias == name),
            Tier::Path => name.split_once(' ').is_some_and(|(verb, rest)| {
                let is_method = method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(verb));
                is_method && rest.trim_start() == path
            }),
            Tier::Separators => is_folded(fold_separators),
            Tier::Flat => is_folded(fold_flat),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use std::path::Path;

    use crate::{Document, OperationTable};

    /// A document that is read whole, for its path item that stands in another file.
    fn read(folder: &Path, name: &str, id: &str, parameter: &str) -> OperationTable {
        std::fs::write(folder.join("item.json"), r#"{"get": {"operationId": "b", "responses": {}}}"#)
            .unwrap();
        let file = folder.join(name);
        let text = format!(
            r#"{{"openapi": "3.0.3", "paths": {{"/y": {{"$ref": "item.json"}}, "/z": {{"$ref": "gone.json"}}, "/x": {{
                "delete": {{"operationId": "{id}", "x-aliases": ["{id}X"], "parameters": [{parameter}],
                    "responses": {{}}}}}}}}}}"#
        );
        std::fs::write(&file, text).unwrap();
        Document::open(&file).read().unwrap().0
    }

    const BROKEN: &str = r##"{"$ref": "#/gone"}"##;
    const SOUND: &str = r#"{"name": "q", "in": "query"}"#;

    #[test]
    fn a_name_that_was_left_out_means_no_other_service() {
        let home = tempfile::tempdir().unwrap();
        let mut table = read(home.path(), "mine.json", "tokens_delete", BROKEN);
        table.add(read(home.path(), "shop.json", "tokens_delete", SOUND));
        for name in [
            "tokens_delete",
            "tokens_deleteX",
            "tokens-delete",
            "TokensDelete",
            "DELETE /x",
            "mine:tokens_delete",
        ] {
            let error = table.get(name).unwrap_err();
            assert_eq!(error.kind(), "spec", "{name}: {error}");
            assert!(error.to_string().contains("#/paths/~1x/delete"), "{error}");
            assert!(table.lookup(name).is_none(), "{name}");
        }
        assert_eq!(table.get("shop:tokens_delete").unwrap().service(), "shop");
        assert_eq!(table.find(Some("shop"), "tokens_delete").unwrap().service(), "shop");
        assert_eq!(table.get("mine:b").unwrap().id(), "b");
        let none = table.get("GET /x").unwrap_err();
        assert!(matches!(none, crate::Error::UnknownOperation(_)), "{none}");
        let item = table.get("PUT /z").unwrap_err();
        assert!(matches!(item, crate::Error::Spec(_)), "which operations it has is not known: {item}");
    }

    #[test]
    fn of_very_many_that_were_left_out_none_is_taken_from_another_service() {
        let home = tempfile::tempdir().unwrap();
        let mut table = read(home.path(), "shop.json", "o1200", SOUND);
        let items: Vec<_> = (0..1_500)
            .map(|number| {
                format!(
                    r#""/x{number}": {{"delete": {{"operationId": "o{number}", "parameters": [{BROKEN}]}}}}"#
                )
            })
            .collect();
        let text = format!(
            r#"{{"openapi": "3.0.3", "paths": {{"/y": {{"$ref": "item.json"}}, {}}}}}"#,
            items.join(",")
        );
        let file = home.path().join("mine.json");
        std::fs::write(&file, text).unwrap();
        table.add(Document::open(&file).read().unwrap().0);
        let error = table.get("o1200").unwrap_err();
        assert!(error.to_string().contains("500 operations that cannot be read"), "{error}");
        assert_eq!(table.get("shop:o1200").unwrap().service(), "shop");
        assert_eq!(table.get("mine:b").unwrap().id(), "b");
        assert_eq!(table.find(Some("shop"), "b").unwrap().service(), "shop");
    }

    #[test]
    fn a_service_in_place_of_another_has_what_it_has() {
        let home = tempfile::tempdir().unwrap();
        let broken = || read(home.path(), "mine.json", "a", BROKEN);
        let sound = || read(home.path(), "mine.json", "a", SOUND);
        let mut table = broken();
        table.add(sound());
        assert_eq!(table.get("a").unwrap().id(), "a");
        table.add(broken());
        assert_eq!(table.get("a").unwrap_err().kind(), "spec");
    }
}
