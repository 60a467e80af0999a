//! What running a query may cost at most: a short one can take the square of the document's nodes, or more.
//!
//! The estimate goes over the segments with an upper bound of the nodes that each selects: how many there are, and
//! how often one node may stand among them (selectors of one segment, and descendants of descendants, select nodes
//! more than once). It is computed from a few figures of the document, so that a query is refused before it runs.

use std::cell::Cell;
use std::collections::HashMap;

use serde_json::Value;

use super::TooCostly;
use super::plan::{Filter, Pattern, Plan, Segment, Selector, Tried};
use super::regular;
use super::size::{self, Texts};

/// So many steps a query may take, some ten seconds; the largest known document is gone through twenty times. Patterns
/// may take as many when they are tried: what they come to is exact then, and those of the document are known.
pub(super) const MOST: u64 = 100_000_000;

/// Figures of a document.
#[derive(Debug, Default)]
struct Figures<'d> {
    root: Option<&'d Value>,
    nodes: u64,
    /// The sum, over all nodes, of the nodes that each stands in, itself counted.
    lineages: u64,
    levels: u64,
    widest: u64,
    /// How many members have a name, and the texts among them; of the names of the query alone.
    names: HashMap<&'d str, (u64, Texts)>,
    /// All texts, and what the longest come to.
    texts: Texts,
    longest: Texts,
    /// Whether the query has patterns, which count; without them texts do not.
    tries_patterns: bool,
    /// Whether each pattern is kept once it is compiled.
    keeps_patterns: bool,
    /// Why a pattern of the query is not run that there are texts for.
    refused: Cell<Option<TooCostly>>,
}

/// A bound of the nodes that a segment begins with.
#[derive(Debug, Clone, Copy)]
struct List {
    count: u64,
    /// How often one node may stand among them.
    repeated: u64,
}

const ONE: List = List { count: 1, repeated: 1 };

/// Whether a query on a document stays within bounds. What its first names do not lead to costs nothing: so it is the
/// same whether the rest of the document was made values or not.
///
/// # Errors
/// Where it does not.
pub(super) fn check(plan: &Plan, root: &Value) -> Result<(), TooCostly> {
    let is_plain = |segment: &Segment| {
        let picks = |one: &Selector| matches!(one, Selector::Name(_) | Selector::Index);
        !segment.descends && segment.selectors.iter().all(picks) && segment.selectors.len() == 1
    };
    if plan.segments.iter().all(is_plain) {
        return Ok(());
    }
    let way = plan.way().0;
    let Some(begin) = way.iter().try_fold(root, |value, name| value.get(name)) else { return Ok(()) };
    let patterns = plan.patterns().len();
    let mut figures = Figures {
        root: Some(root),
        tries_patterns: patterns > 0,
        keeps_patterns: patterns <= regular::KEPT,
        ..Figures::default()
    };
    names(plan, &mut figures.names);
    figures.gather(begin, 1);
    let exceeds = |figures: &Figures<'_>| figures.segments(&plan.segments[way.len()..], ONE).0 > MOST;
    let exceeds_all = exceeds(&figures);
    let refused = figures.refused.get();
    if !exceeds_all {
        return refused.map_or(Ok(()), Err);
    }
    figures.tries_patterns = false;
    Err(if exceeds(&figures) { TooCostly::Steps } else { refused.unwrap_or(TooCostly::Matching) })
}

fn names<'p>(plan: &'p Plan, found: &mut HashMap<&'p str, (u64, Texts)>) {
    for selector in plan.segments.iter().flat_map(|segment| &segment.selectors) {
        match selector {
            Selector::Name(name) => {
                found.insert(name, (0, Texts::default()));
            }
            Selector::Filter(filter) => filter.queries.iter().for_each(|query| names(query, found)),
            Selector::Index | Selector::Many => {}
        }
    }
}

impl Figures<'_> {
    fn gather(&mut self, value: &Value, level: u64) {
        self.nodes += 1;
        self.lineages += level;
        self.levels = self.levels.max(level);
        match value {
            Value::Object(members) => {
                self.widest = self.widest.max(members.len() as u64);
                for (name, member) in members {
                    if let Some((count, texts)) = self.names.get_mut(name.as_str()) {
                        *count += 1;
                        if let (Value::String(text), true) = (member, self.tries_patterns) {
                            *texts += Texts::of(text);
                        }
                    }
                    self.gather(member, level + 1);
                }
            }
            Value::Array(items) => {
                self.widest = self.widest.max(items.len() as u64);
                for item in items {
                    self.gather(item, level + 1);
                }
            }
            Value::String(text) if self.tries_patterns => {
                let text = Texts::of(text);
                self.texts += text;
                self.longest = self.longest.max(text);
            }
            _ => {}
        }
    }

    /// How many members have a name; an escaped one may be any.
    fn named(&self, name: &str) -> u64 {
        if name.contains('\\') {
            self.nodes
        } else {
            self.names.get(name).map_or(self.nodes, |known| known.0)
        }
    }

    /// The texts on which a filter tries a pattern.
    fn tried(&self, pattern: &Pattern, candidates: List) -> Texts {
        let name = match &pattern.tried {
            Tried::Text(text) => return text.times(candidates.count),
            Tried::Member(name) => Some(name.as_str()).filter(|name| !name.contains('\\')),
            Tried::Any => None,
        };
        let named = name.and_then(|name| self.names.get(name)).map_or(self.texts, |known| known.1);
        named.times(candidates.repeated).min(self.longest.times(candidates.count))
    }

    /// The steps of a query from some nodes, and what it selects.
    fn query(&self, plan: &Plan, from: List) -> (u64, List) {
        self.segments(&plan.segments, from)
    }

    fn segments(&self, segments: &[Segment], from: List) -> (u64, List) {
        segments.iter().fold((from.count, from), |(steps, list), segment| {
            let (more, list) = self.segment(segment, list);
            (steps.saturating_add(more), list)
        })
    }

    fn segment(&self, segment: &Segment, list: List) -> (u64, List) {
        let visited = if segment.descends { self.below(list) } else { list };
        let (mut steps, mut count) = (visited.count, 0_u64);
        for selector in &segment.selectors {
            let children = self.children(visited);
            let (more, selected) = match selector {
                Selector::Name(name) => {
                    let all = self.named(name).saturating_mul(visited.repeated);
                    (visited.count, visited.count.min(all))
                }
                Selector::Index => (visited.count, visited.count),
                Selector::Many => (children.count, children.count),
                Selector::Filter(filter) => (self.filter(filter, children), children.count),
            };
            steps = steps.saturating_add(more);
            count = count.saturating_add(selected);
        }
        // What is found below goes through every level above it.
        let carried = if segment.descends { count.saturating_mul(self.levels.div_ceil(8)) } else { count };
        let repeated = visited.repeated.saturating_mul(segment.selectors.len() as u64);
        (steps.saturating_add(carried), List { count, repeated })
    }

    /// The nodes and all of their descendants.
    fn below(&self, list: List) -> List {
        let by_count = list.count.saturating_mul(self.nodes);
        let by_lineage = list.repeated.saturating_mul(self.lineages);
        let repeated = list.repeated.saturating_mul(self.levels).min(list.count);
        List { count: by_count.min(by_lineage), repeated }
    }

    fn children(&self, list: List) -> List {
        let by_count = list.count.saturating_mul(self.widest);
        List { count: by_count.min(list.repeated.saturating_mul(self.nodes)), repeated: list.repeated }
    }

    /// The steps of a filter on all of its candidates.
    fn filter(&self, filter: &Filter, candidates: List) -> u64 {
        let queries = filter.queries.iter().map(|query| {
            if query.is_absolute {
                let compared = if filter.compares { self.size(query) } else { 0 };
                candidates.count.saturating_mul(self.query(query, ONE).0.saturating_add(compared))
            } else {
                let compared = candidates.repeated.saturating_mul(self.lineages);
                let compared = if filter.compares { compared } else { 0 };
                self.query(query, candidates).0.saturating_add(compared)
            }
        });
        let patterns = filter.patterns.iter().filter(|_| self.tries_patterns).map(|pattern| {
            let texts = self.tried(pattern, candidates);
            // Of one that comes from the document more is known no sooner than when it is tried.
            let Some(literal) = &pattern.literal else { return texts.count.saturating_mul(size::finding(0)) };
            let finding = texts.count.saturating_mul(size::finding(literal.text.len()));
            match literal.size {
                Ok(size) => {
                    let compiled = if self.keeps_patterns { 1 } else { texts.count };
                    let compiling = size.compiling().saturating_mul(compiled);
                    finding.saturating_add(compiling).saturating_add(size.matching(texts))
                }
                Err(fault) => {
                    if texts.count > 0 {
                        self.refused.set(self.refused.get().or(TooCostly::of(fault)));
                    }
                    finding
                }
            }
        });
        queries.chain(patterns).fold(candidates.count, u64::saturating_add)
    }

    /// The size of what a query from the root leads to.
    fn size(&self, query: &Plan) -> u64 {
        let mut value = self.root;
        for segment in &query.segments {
            value = match (value, &segment.selectors[..]) {
                (Some(value), [Selector::Name(name)]) if !segment.descends => match value.get(name) {
                    Some(member) => Some(member),
                    None => return 1,
                },
                _ => None,
            };
        }
        value.map_or(self.nodes, |value| crate::spec::count(value) as u64)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(paths: usize) -> Value {
        let item = json!({"get": {"operationId": "x", "parameters": [{"name": "a", "in": "query"}], "responses": {"200": {}}}});
        let paths = (0..paths).map(|number| (format!("/p{number}"), item.clone()));
        json!({"info": {"title": "t"}, "paths": paths.collect::<serde_json::Map<_, _>>(), "x": "y"})
    }

    fn fits(query: &str, root: &Value) -> bool {
        check(&Plan::of(query), root).is_ok()
    }

    #[test]
    fn what_people_write_fits_a_large_document() {
        let large = document(20_000);
        for query in [
            "$.paths['/p1'].get",
            "$.paths.*.get",
            "$..parameters",
            "$..[?@.in == 'query']",
            "$.paths.*.*.parameters[?@.name == 'a' && @.in == 'query']",
            "$..parameters..name",
            "$..[?@.operationId && match(@.operationId, '[a-z]+')]",
            "$..*",
            "$.paths[?@.get.operationId == $.x]",
            "$..[?@.name == $.x]",
            "$..['get', 'put', 'post', 'delete', 'patch']..[?@.in]",
            // What such a pattern takes is bounded when it is tried.
            "$..[?search(@, $.x)]",
            "$..[?search(@.none, '((a{100}){100}){100}')]",
        ] {
            assert!(fits(query, &large), "{query}");
        }
    }

    #[test]
    fn what_grows_beyond_its_document_is_refused() {
        let (small, large) = (document(20), document(20_000));
        for query in [
            "$..[?$..x]",
            "$..[?count($..*) > 1]",
            "$..[?$ == $]",
            "$..*..*..*..*..*..*",
            "$[*,*][*,*][*,*][*,*][*,*][*,*][*,*][*,*][*,*][*,*][*,*][*,*][*,*][*,*][*,*][*,*][*,*][*,*][*,*][*,*]",
            "$..[?count(@..*) > 1]..[?count(@..*) > 1]..[?count(@..*)  > 1]",
            "$..[?match(@.operationId, '((a{100}){100}){100}')]",
            "$..[?match(@, '(a{199}){199}')]",
            "$..[?match('xxxxxxxxxxxxxxxx', '[a-z]{2000}')]",
        ] {
            assert!(!fits(query, &large), "{query}");
        }
        for query in ["$..[?$..x]", "$..[?count($..*) > 1]", "$..[?$ == $]"] {
            assert!(fits(query, &small), "{query}");
        }
    }

    #[test]
    fn what_is_refused_is_told_by_its_reason() {
        let large = document(20_000);
        let deep = format!("$..[?match(@.name, '{}{}')]", r"\u0028".repeat(60), ")".repeat(60));
        for (query, expected) in [
            ("$..[?match(@.name, '((a{100}){100}){100}')]", TooCostly::Memory),
            ("$.paths['/p1'].get.parameters[?match(@.name, '((a{100}){100}){100}')]", TooCostly::Memory),
            (&deep, TooCostly::Nesting),
            ("$..[?match(@, '(a{199}){199}')]", TooCostly::Matching),
            ("$..*..*..*..*..*..*..[?match(@.name, '((a{100}){100}){100}')]", TooCostly::Steps),
        ] {
            assert_eq!(check(&Plan::of(query), &large), Err(expected), "{query}");
        }
    }

    #[test]
    fn a_query_costs_what_its_way_leads_to() {
        let mut large = document(20_000);
        large["x"] = json!({"small": [[[[1]]]], "none": {}});
        for query in
            ["$.x..*..*..*..*", "$.x.small..*..*..*", "$['x'].none..*..*..*..*", "$.gone..*..*..*..*"]
        {
            assert!(fits(query, &large), "{query}");
        }
        for query in ["$..*..*..*..*..*..*", "$.paths..*..*..*..*..*..*", "$.x.small[?$..*..*..*..*..*..*]"] {
            assert!(!fits(query, &large), "{query}");
        }
    }

    #[test]
    fn a_long_run_of_descents_is_bounded_by_the_levels() {
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!([deep, 1]);
        }
        assert!(fits("$..*", &deep));
        assert!(!fits("$..*..*..*..*..*", &deep));
    }
}
