//! The nodes that an operation is made of: found in the document by its method and path, part by part as
//! `spec::extract` reads them.

use serde_json::Value;

use super::Place;
use super::layers::{Layers, Spot};
use crate::operation::{Location, Method};
use crate::spec::path_key;
use crate::table::{MediaType, Operation, RequestBody};

/// Schemas in schemas end here.
const MAX_DEPTH: usize = 16;
/// The operation's extensions that mean something to a call.
const EXTENSIONS: [&str; 5] = ["x-aliases", "x-scope", "x-idempotent", "x-host", "x-comma-lists"];

/// Something that was said.
pub(super) struct Thing {
    pub(super) what: String,
    pub(super) name: Option<String>,
    pub(super) at: At,
    /// The references on the way.
    pub(super) through: Vec<Spot>,
}

/// Where it was said.
pub(super) enum At {
    Spot(Spot),
    /// In a text that has no JSON pointers.
    Place(Place),
}

impl Thing {
    pub(super) fn spot(&self) -> Option<&Spot> {
        match &self.at {
            At::Spot(spot) => Some(spot),
            At::Place(_) => None,
        }
    }
}

/// What is told of an operation whose document is not at hand, by its names alone.
pub(super) fn names(operation: Operation<'_>) -> Vec<(String, Option<String>)> {
    let mut all = vec![("operation".to_owned(), None)];
    let said =
        [("summary", operation.summary().is_some()), ("description", operation.description().is_some())];
    all.extend(said.into_iter().filter(|(_, is_said)| *is_said).map(|(what, _)| (what.to_owned(), None)));
    for one in operation.parameters() {
        all.push(("parameter".to_owned(), Some(format!("{}.{}", one.location().as_str(), one.name()))));
    }
    for media_type in operation.body().into_iter().flat_map(RequestBody::media_types) {
        all.push(("body".to_owned(), Some(media_type.name().to_owned())));
    }
    all
}

/// The schemes that the operation's security names, each once.
pub(super) fn schemes(operation: Operation<'_>) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for (scheme, _) in operation.security().flatten() {
        if !names.contains(&scheme) {
            names.push(scheme);
        }
    }
    names
}

/// Everything that is shown of an operation; `None` where the document has not the operation.
pub(super) fn things(layers: &Layers, operation: Operation<'_>) -> Option<Vec<Thing>> {
    let (item, own, through) = site(layers, operation)?;
    let mut walk = Walk { layers, operation, item, own, things: Vec::new() };
    let graphql = operation.graphql().and_then(|graphql| walk.graphql(graphql.operation_name()));
    if let Some(place) = graphql {
        walk.graphql_things(&place);
    } else {
        walk.add("operation", None, walk.own.clone(), through);
        walk.texts();
        walk.parameters();
        walk.body();
    }
    walk.shared();
    Some(walk.things)
}

/// The path in its document; that of a GraphQL operation has its name behind the carrier's.
pub(super) fn path(operation: Operation<'_>) -> &str {
    let carrier = operation.graphql().and_then(|_| operation.path().rsplit_once('#'));
    carrier.map_or_else(|| operation.path(), |(path, _)| path)
}

/// A path item with what its reference leads to, the operation in it, and the references on the way there.
type Site = (Vec<Spot>, Spot, Vec<Spot>);

/// Finds the operation. Several keys may be the same path: then its ID decides.
fn site(layers: &Layers, operation: Operation<'_>) -> Option<Site> {
    let paths = layers.follow(Spot::of(&["paths"]), &mut Vec::new());
    let keys: Vec<String> = layers.with(&paths, |paths| {
        let keys = paths.as_object().into_iter().flat_map(|paths| paths.keys());
        keys.filter(|key| path_key(key) == path(operation)).cloned().collect()
    })?;
    let mut found = keys.iter().filter_map(|key| {
        let item = paths.join(key);
        let mut through = Vec::new();
        let target = layers.follow(item.clone(), &mut through);
        let item = if target == item { vec![item] } else { vec![item, target] };
        let member = match operation.method() {
            Method::Custom(name) => member(layers, &item, "additionalOperations")?.join(&name),
            known => member(layers, &item, &known.as_str().to_ascii_lowercase())?,
        };
        let own = layers.follow(member, &mut through);
        layers.has(&own).then_some((item, own, through))
    });
    let first = found.next()?;
    let is_it = |site: &Site| layers.text(&site.1.join("operationId")).is_some_and(|id| id == operation.id());
    if is_it(&first) {
        return Some(first);
    }
    Some(found.find(is_it).unwrap_or(first))
}

/// The first of several nodes' members of a name.
fn member(layers: &Layers, owners: &[Spot], name: &str) -> Option<Spot> {
    owners.iter().map(|owner| owner.join(name)).find(|spot| layers.has(spot))
}

struct Walk<'a> {
    layers: &'a Layers,
    operation: Operation<'a>,
    item: Vec<Spot>,
    own: Spot,
    things: Vec<Thing>,
}

impl Walk<'_> {
    fn add(&mut self, what: &str, name: Option<String>, spot: Spot, through: Vec<Spot>) {
        self.things.push(Thing { what: what.to_owned(), name, at: At::Spot(spot), through });
    }

    /// The operation's own member, where it is there.
    fn own(&self, name: &str) -> Option<Spot> {
        member(self.layers, std::slice::from_ref(&self.own), name)
    }

    fn texts(&mut self) {
        for what in ["operationId", "summary", "description", "tags", "deprecated"] {
            let shared = matches!(what, "summary" | "description");
            let inherited = || member(self.layers, &self.item, what).filter(|_| shared);
            if let Some(spot) = self.own(what).or_else(inherited) {
                self.add(what, None, spot, Vec::new());
            }
        }
    }

    /// Every entry of the path item's and the operation's lists, with the references on its way.
    fn declared(&self) -> Vec<(Spot, Vec<Spot>)> {
        let lists = [member(self.layers, &self.item, "parameters"), self.own("parameters")];
        let mut found = Vec::new();
        for list in lists.into_iter().flatten() {
            let count = self.layers.with(&list, |list| list.as_array().map_or(0, Vec::len)).unwrap_or(0);
            for number in 0..count {
                let mut through = Vec::new();
                let spot = self.layers.follow(list.element(number), &mut through);
                found.push((spot, through));
            }
        }
        found
    }

    /// The declaration that holds: the last one of its name and place.
    fn declaration(&self, name: &str, places: &[&str]) -> Option<(Spot, Vec<Spot>)> {
        let is_it = |spot: &Spot| {
            let is = |member: &str, fits: &dyn Fn(&str) -> bool| {
                self.layers.text(&spot.join(member)).is_some_and(|text| fits(&text))
            };
            is("in", &|place| places.contains(&place))
                && (name.is_empty() || is("name", &|text| text == name))
        };
        self.declared().into_iter().rev().find(|(spot, _)| is_it(spot))
    }

    fn parameters(&mut self) {
        for one in self.operation.parameters() {
            let name = Some(format!("{}.{}", one.location().as_str(), one.name()));
            match self.declaration(one.name(), &[one.location().as_str()]) {
                Some((spot, through)) => self.add("parameter", name, spot, through),
                // A variable of the path that nobody declares: the path says it.
                None if one.location() == Location::Path => {
                    if let Some(item) = self.item.first().cloned() {
                        self.add("parameter", name, item, Vec::new());
                    }
                }
                None => {}
            }
        }
    }

    fn body(&mut self) {
        let Some(body) = self.operation.body() else { return };
        let Some(given) = self.own("requestBody") else { return self.swagger2_body() };
        let mut through = Vec::new();
        let spot = self.layers.follow(given, &mut through);
        self.add("body", None, spot.clone(), through.clone());
        for media_type in body.media_types() {
            let mut through = through.clone();
            let spot = spot.join("content").join(media_type.name());
            let spot = self.layers.follow(spot, &mut through);
            self.add("body", Some(media_type.name().to_owned()), spot.clone(), through.clone());
            let schema =
                member(self.layers, std::slice::from_ref(&spot), "schema").unwrap_or(spot.join("itemSchema"));
            self.properties(media_type, &schema, &through);
        }
    }

    /// Swagger 2.0 has no request body: one parameter is it, or several are its fields.
    fn swagger2_body(&mut self) {
        let Some(media_type) = self.operation.body().and_then(|body| body.media_types().next()) else {
            return;
        };
        if let Some((spot, through)) = self.declaration("", &["body"]) {
            self.add("body", None, spot.clone(), through.clone());
            self.properties(media_type, &spot.join("schema"), &through);
            return;
        }
        for property in media_type.properties() {
            if let Some((spot, through)) = self.declaration(property.name(), &["formData"]) {
                self.add("property", Some(format!("body.{}", property.name())), spot, through);
            }
        }
    }

    fn properties(&mut self, media_type: MediaType<'_>, schema: &Spot, through: &[Spot]) {
        for property in media_type.properties() {
            let mut through = through.to_vec();
            if let Some(spot) = self.property(schema, property.name(), &mut through, 0) {
                let name = format!("body.{}", property.name());
                // Media types of one schema say the same once.
                let is_known = self.things.iter().any(|thing| thing.spot() == Some(&spot));
                if !is_known {
                    self.add("property", Some(name), spot, through);
                }
            }
        }
    }

    /// A property at a schema's top: its own, its reference's, its `allOf`s'.
    fn property(&self, schema: &Spot, name: &str, through: &mut Vec<Spot>, depth: usize) -> Option<Spot> {
        let own = schema.join("properties").join(name);
        if self.layers.with(&own, |_| ()).is_some() {
            return Some(own);
        }
        if depth == MAX_DEPTH {
            return None;
        }
        if let Some(target) = self.layers.target(schema) {
            let before = through.len();
            through.push(schema.clone());
            if let Some(found) = self.property(&target, name, through, depth + 1) {
                return Some(found);
            }
            through.truncate(before);
        }
        let all = schema.join("allOf");
        let count = self.layers.with(&all, |all| all.as_array().map_or(0, Vec::len)).unwrap_or(0);
        (0..count).find_map(|number| self.property(&all.element(number), name, through, depth + 1))
    }

    /// What an operation shares with others: answers, servers, security, pages, extensions.
    fn shared(&mut self) {
        if let Some(spot) = self.own("responses").filter(|_| self.operation.graphql().is_none()) {
            self.add("answers", None, spot, Vec::new());
        }
        let root = |name: &str| member(self.layers, &[Spot::of(&[])], name);
        let servers = self.own("servers").or_else(|| member(self.layers, &self.item, "servers"));
        let servers =
            servers.or_else(|| root("servers")).or_else(|| root("x-regions")).or_else(|| root("host"));
        let pages = self.own("x-pagination").or_else(|| root("x-pagination"));
        let pages = pages.filter(|_| self.operation.pagination().is_some());
        let security = self.own("security").or_else(|| root("security"));
        let found = [("servers", servers), ("security", security), ("pagination", pages)];
        for (what, spot) in found {
            if let Some(spot) = spot {
                self.add(what, None, spot, Vec::new());
            }
        }
        for scheme in schemes(self.operation) {
            let homes = [&["components", "securitySchemes"][..], &["securityDefinitions"]];
            let spot =
                homes.into_iter().map(|home| Spot::of(home).join(scheme)).find(|spot| self.layers.has(spot));
            if let Some(spot) = spot {
                let mut through = Vec::new();
                let spot = self.layers.follow(spot, &mut through);
                self.add("security scheme", Some(scheme.to_owned()), spot, through);
            }
        }
        for name in EXTENSIONS {
            let inherited =
                || member(self.layers, &[Spot::of(&[])], name).filter(|_| name == "x-comma-lists");
            if let Some(spot) = self.own(name).or_else(inherited) {
                self.add(name, None, spot, Vec::new());
            }
        }
    }

    /// The place in the GraphQL document that the carrier names.
    fn graphql(&self, name: &str) -> Option<Place> {
        let list = self.own.join("x-graphql").join("documents");
        let files: Vec<String> = self.layers.with(&list, |list| {
            let files = list.as_array().into_iter().flatten();
            files.filter_map(Value::as_str).map(str::to_owned).collect()
        })?;
        let pattern = format!(r"\b(?:query|mutation|subscription)\s+{}\b", regex_lite::escape(name));
        let pattern = regex_lite::Regex::new(&pattern).ok()?;
        files.iter().find_map(|path| {
            let file = self.layers.other(path)?;
            let start = pattern.find(&file.text)?.start();
            let line = Some(file.text[..start].matches('\n').count() + 1);
            Some(Place { file: file.name.clone(), pointer: None, line, action: None })
        })
    }

    /// A GraphQL operation is said by its document, all of it, and carried by the operation that names the document.
    fn graphql_things(&mut self, place: &Place) {
        for (what, name) in names(self.operation) {
            self.things.push(Thing {
                what,
                name,
                at: At::Place(place.clone()),
                through: vec![self.own.clone()],
            });
        }
        let properties = self.operation.body().and_then(|body| body.media_types().next());
        for property in properties.into_iter().flat_map(MediaType::properties) {
            let name = Some(format!("body.{}", property.name()));
            let (what, at) = ("property".to_owned(), At::Place(place.clone()));
            self.things.push(Thing { what, name, at, through: vec![self.own.clone()] });
        }
    }
}
