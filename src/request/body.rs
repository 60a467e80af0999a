//! Puts a body together from its members or the whole, checks it, and decides what is sent as its type.

use std::borrow::Cow;

use indexmap::IndexMap;

use super::arguments::{Member, Routed};
use super::encode::Scope;
use super::media::{Kind, Media, Whole};
use super::multipart::PartHeader;
use super::problems::{MISSING, Problems};
use super::{CallOptions, Content, encode};
use crate::operation::{Location, Method};
use crate::params::{Argument, FileContent, FilePart, write_json_string};
use crate::schema::{Finding, Wire, fit, top};
use crate::table::{GraphQl, MediaType, Operation, Property, RequestBody};

/// A body and the media type that is sent with it.
#[derive(Default)]
pub(super) struct Built<'a> {
    pub(super) content: Content,
    pub(super) media_type: Option<Cow<'a, str>>,
}

/// Builds the body of an operation from what was routed to it.
pub(super) fn build<'a>(
    operation: Operation<'a>,
    media: Option<&Media<'a>>,
    whole: Option<(usize, Whole<'a>)>,
    routed: &Routed<'a>,
    problems: &mut Problems,
) -> Built<'a> {
    let is_given = whole.is_some() || !routed.members.is_empty();
    let Some(media) = media else {
        if is_given {
            let order = whole
                .map_or_else(|| routed.members.first().map_or(MISSING, |one| one.order), |(order, _)| order);
            problems.refuse(order, "body", "is not taken: the operation declares no body");
        }
        return Built::default();
    };
    let mut builder =
        Builder { operation, media, routed, whole_order: whole.map_or(MISSING, |one| one.0), problems };
    let content = match (operation.graphql(), whole) {
        (Some(graphql), whole) => builder.graphql(graphql, whole.map(|(_, whole)| whole)),
        (None, None) => builder.members(Vec::new(), is_given),
        (None, Some((_, whole))) => builder.whole(whole),
    };
    let media_type = (content != Content::None || is_sole(operation, media)).then(|| media.name.clone());
    Built { content, media_type }
}

/// Whether the type is sent even without a body: some gateways answer 415 where it is missing.
fn is_sole(operation: Operation<'_>, media: &Media<'_>) -> bool {
    // A range is no type that could be sent.
    let is_one = |declared: MediaType<'_>| !declared.name().contains('*');
    let is_only = operation.body().is_some_and(|body| body.media_types().len() == 1);
    let changes = matches!(operation.method(), Method::Post | Method::Put | Method::Patch | Method::Delete);
    is_only && changes && media.declared.is_some_and(is_one) && media.kind != Kind::Multipart
}

struct Builder<'a, 'p> {
    operation: Operation<'a>,
    media: &'p Media<'a>,
    routed: &'p Routed<'a>,
    whole_order: usize,
    problems: &'p mut Problems,
}

/// Members by name, as they were given.
type Members<'a> = Vec<(String, Cow<'a, Argument>)>;

impl<'a, 'p> Builder<'a, 'p> {
    fn whole(&mut self, whole: Whole<'a>) -> Content {
        match whole {
            Whole::Value(Argument::Object(members)) if self.media.kind.has_members() => {
                self.members(borrowed(members), true)
            }
            // XML is text too, as it is.
            Whole::Value(Argument::String(text)) if self.media.kind == Kind::Xml => {
                self.no_members();
                Content::Text(text.clone())
            }
            Whole::Value(value) => self.value(value),
            Whole::Text(text, _) if self.media.kind == Kind::Json => self.json_text(text),
            Whole::File(FilePart { content: FileContent::Bytes(bytes), .. })
                if self.media.kind == Kind::Json && std::str::from_utf8(bytes).is_ok() =>
            {
                self.json_text(std::str::from_utf8(bytes).unwrap_or_default())
            }
            Whole::Text(..) | Whole::File(_) if self.media.kind == Kind::Multipart => {
                self.problems.refuse(self.whole_order, "body", "must be an object of fields, one a part");
                Content::None
            }
            Whole::Text(text, _) => {
                self.no_members();
                Content::Text(text.to_owned())
            }
            Whole::File(file) => {
                self.no_members();
                as_it_is(file)
            }
        }
    }

    /// JSON given as text is checked like JSON given as a value.
    fn json_text(&mut self, text: &str) -> Content {
        match Argument::from_json_text(text) {
            Ok(Argument::Object(members)) => self.members(owned(members), true),
            Ok(value) => self.value(&value),
            Err(error) => {
                self.problems.misfit(self.whole_order, "body", format!("must be JSON: {error}"));
                Content::Text(text.to_owned())
            }
        }
    }

    fn no_members(&mut self) {
        if let Some(member) = self.routed.members.first() {
            let problem = "cannot be set: the body is no object of members";
            self.problems.refuse(member.order, format!("body.{}", member.name), problem);
        }
    }

    /// A whole value that is no object of members.
    fn value(&mut self, value: &Argument) -> Content {
        self.no_members();
        let mut found = Vec::new();
        let value = self.fitted(value, &mut found);
        self.found(found, None);
        let mut found = Vec::new();
        let content = encode::value(self.scope(), &value, &mut found);
        self.found(found, None);
        content
    }

    /// The members of a whole object, those given one by one, and path values that fill required ones.
    fn members(&mut self, given: Members<'_>, is_given: bool) -> Content {
        let is_required = self.operation.body().is_some_and(RequestBody::required);
        let mut members = self.merged(given);
        if !matches!(self.media.kind, Kind::Json | Kind::Xml) {
            // Fields are text: there is no null, only none.
            members.retain(|_, value| !matches!(value, Argument::Null));
        }
        if !is_given && !is_required {
            return Content::None;
        }
        let needs = |media: MediaType<'_>| media.properties().any(|one| one.required() && !one.read_only());
        if members.is_empty() && !is_given && !self.media.declared.is_some_and(needs) {
            self.problems.misfit(MISSING, "body", "is required");
            return Content::None;
        }
        if !self.media.kind.has_members() {
            self.no_members();
            return Content::None;
        }
        let members = Argument::Object(members);
        let mut found = Vec::new();
        let fitted = self.fitted(&members, &mut found);
        self.found(found, None);
        let Argument::Object(members) = fitted.as_ref() else { return Content::None };
        let (scope, mut found) = (self.scope(), Vec::new());
        let content = encode::members(scope, members, &mut found, self.problems);
        self.found(found, None);
        content
    }

    fn scope(&self) -> Scope<'p, 'a> {
        Scope { operation: Some(self.operation), media: self.media, part_headers: &self.routed.part_headers }
    }

    fn merged(&self, given: Members<'_>) -> IndexMap<String, Argument> {
        let mut members: IndexMap<String, Argument> =
            given.into_iter().map(|(name, value)| (name, value.into_owned())).collect();
        for Member { name, value, .. } in &self.routed.members {
            members.insert((*name).to_owned(), value.clone().into_owned());
        }
        let required = self
            .media
            .declared
            .into_iter()
            .flat_map(MediaType::properties)
            .filter(|one| one.required() && !one.read_only());
        for name in required.map(Property::name) {
            let is_path = |location| location == Location::Path;
            let slot = self.routed.slots.iter().find(|slot| is_path(slot.location()) && slot.name() == name);
            if let Some(value) = slot.and_then(|slot| slot.value.as_deref()) {
                members.entry(name.to_owned()).or_insert_with(|| value.clone());
            }
        }
        members
    }

    fn fitted<'v>(&self, value: &'v Argument, found: &mut Vec<Finding>) -> Cow<'v, Argument> {
        let Some(declared) = self.media.declared else { return Cow::Borrowed(value) };
        let wire = match self.media.kind {
            Kind::Json | Kind::JsonLines | Kind::JsonSequence => Wire::Json,
            Kind::Form | Kind::Xml => Wire::Text,
            Kind::Multipart => Wire::Parts,
            // Only the bytes or the text go out, whatever the document calls them.
            Kind::Text | Kind::Bytes => return Cow::Borrowed(value),
        };
        fit(self.operation, declared.schema(), value, wire, found)
    }

    /// Reports findings below `body`, each in the order of the argument it came from. Fields of a GraphQL
    /// input object are told without the variable they are in, as they were given.
    fn found(&mut self, found: Vec<Finding>, input: Option<&str>) {
        for mut finding in found {
            let inside = input.and_then(|input| finding.path.strip_prefix('.')?.strip_prefix(input));
            if let Some(inside) = inside.filter(|inside| inside.starts_with('.')) {
                finding.path.drain(..finding.path.len() - inside.len());
            }
            let name = finding.path.trim_start_matches('.').split(['.', '[']).next().unwrap_or_default();
            let member = self.routed.members.iter().find(|member| member.name == name);
            let missing = if finding.problem == "is required" { MISSING } else { self.whole_order };
            let order = member.map_or(missing, |member| member.order);
            self.problems.findings(order, "body", vec![finding]);
        }
    }

    /// `{"query", "operationName", "variables"}`; the fields of the input object go into its variable.
    fn graphql(&mut self, graphql: GraphQl<'a>, whole: Option<Whole<'a>>) -> Content {
        let (names, required) = top(self.media.declared.map_or("", |media| media.schema().text()));
        let given = match whole {
            None => Vec::new(),
            Some(Whole::Value(Argument::Object(members))) => borrowed(members),
            Some(_) => {
                self.problems.refuse(
                    self.whole_order,
                    "body",
                    "must be an object of the operation's variables",
                );
                Vec::new()
            }
        };
        let is_variable = |name: &str| graphql.input().is_none() || names.iter().any(|known| known == name);
        let (mut variables, fields): (IndexMap<_, _>, IndexMap<_, _>) =
            self.merged(given).into_iter().partition(|(name, _)| is_variable(name));
        let mut input = graphql.input();
        if let Some(name) = input.filter(|input| variables.contains_key(*input)) {
            for field in self.routed.members.iter().filter(|member| !is_variable(member.name)) {
                let problem = format!("cannot be set: `{name}` is given whole");
                self.problems.refuse(field.order, format!("body.{}", field.name), problem);
            }
            input = None;
        } else if let Some(name) =
            input.filter(|input| !fields.is_empty() || required.iter().any(|one| one == input))
        {
            variables.insert(name.to_owned(), Argument::Object(fields));
        }
        let variables = Argument::Object(variables);
        let mut found = Vec::new();
        let fitted = self.fitted(&variables, &mut found);
        self.found(found, input);
        Content::Json(graphql_text(graphql, &fitted))
    }
}

fn borrowed(members: &IndexMap<String, Argument>) -> Members<'_> {
    members.iter().map(|(name, value)| (name.clone(), Cow::Borrowed(value))).collect()
}

fn owned(members: IndexMap<String, Argument>) -> Members<'static> {
    members.into_iter().map(|(name, value)| (name, Cow::Owned(value))).collect()
}

fn as_it_is(file: &FilePart) -> Content {
    match &file.content {
        FileContent::Bytes(bytes) => Content::Bytes(bytes.clone()),
        FileContent::Path(path) => Content::File(path.clone()),
    }
}

fn graphql_text(graphql: GraphQl<'_>, variables: &Argument) -> String {
    let mut text = String::with_capacity(graphql.query().len() + 128);
    text.push_str("{\"query\":");
    write_json_string(graphql.query(), &mut text);
    text.push_str(",\"operationName\":");
    write_json_string(graphql.operation_name(), &mut text);
    text.push_str(",\"variables\":");
    variables.write_json(&mut text);
    text.push('}');
    text
}

/// Builds the body of a call that no document describes.
pub(super) fn undescribed<'a>(
    members: IndexMap<String, Argument>,
    whole: Option<Whole<'a>>,
    part_headers: &[PartHeader<'a>],
    options: &'a CallOptions,
    problems: &mut Problems,
) -> Built<'a> {
    let named = super::media::chosen(options);
    let media = match whole {
        Some(Whole::File(file)) => file.media_type.as_deref().unwrap_or("application/octet-stream"),
        Some(Whole::Text(_, media_type)) => media_type.unwrap_or("text/plain; charset=utf-8"),
        _ => "application/json",
    };
    let media = Media::undeclared(named.unwrap_or(media));
    let scope = Scope { operation: None, media: &media, part_headers };
    let mut found = Vec::new();
    let content = match whole {
        None if members.is_empty() => return Built::default(),
        None => encode::members(scope, &members, &mut found, problems),
        Some(Whole::Value(Argument::Object(given))) if media.kind.has_members() => {
            let mut all = given.clone();
            all.extend(members);
            encode::members(scope, &all, &mut found, problems)
        }
        Some(_) if !members.is_empty() => {
            problems.refuse(0, "body", "is given whole and by its members");
            Content::None
        }
        Some(Whole::Value(value)) => encode::value(scope, value, &mut found),
        Some(Whole::Text(text, _)) if media.kind == Kind::Json => Content::Json(text.to_owned()),
        Some(Whole::Text(text, _)) => Content::Text(text.to_owned()),
        Some(Whole::File(file)) => as_it_is(file),
    };
    problems.findings(0, "body", found);
    Built { content, media_type: Some(media.name) }
}
