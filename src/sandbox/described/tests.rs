//! Every operation of the table: a request made from its own description is let in, and the answer fits its schema.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::{Described, Found, judge, reply};
use crate::operation::{Location, Style};
use crate::sandbox::exchange::{Incoming, Region};
use crate::table::{MediaType, Operation, OperationTable, Parameter, Schema};

fn built_in() -> Described {
    Described::new(OperationTable::built_in(), &[]).unwrap()
}

fn sample(operation: Operation<'_>, schema: Schema<'_>) -> Value {
    let text: Value = serde_json::from_str(schema.text()).unwrap_or_default();
    reply::value(&text, &|reference| {
        operation.schema(reference).and_then(|text| serde_json::from_str(text).ok())
    })
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A request with every parameter and the first media type of the body, as the description has them.
fn request(operation: Operation<'_>) -> Incoming {
    let mut incoming = Incoming {
        method: operation.method().to_string(),
        path: operation.path().split('?').next().unwrap().to_owned(),
        query: Vec::new(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        region: Region::Us1,
        elsewhere: String::new(),
        now: 0,
        trace: String::new(),
        moved: false,
    };
    for parameter in operation.parameters() {
        put(&mut incoming, parameter, &sample(operation, parameter.schema()));
    }
    if let Some(media_type) = operation.body().and_then(|body| body.media_types().next()) {
        fill(&mut incoming, operation, media_type);
    }
    incoming
}

fn put(incoming: &mut Incoming, parameter: Parameter<'_>, value: &Value) {
    let name = parameter.name().to_owned();
    match (parameter.location(), value) {
        (Location::Path, value) => {
            let start = incoming.path.find(&format!("{{{name}")).unwrap();
            let end = start + incoming.path[start..].find('}').unwrap() + 1;
            incoming.path.replace_range(start..end, &text(value));
        }
        (Location::Header, value) => {
            let value = HeaderValue::from_str(&text(value)).unwrap();
            incoming.headers.insert(HeaderName::try_from(name).unwrap(), value);
        }
        (Location::Query, Value::Object(fields)) if parameter.style() == Style::DeepObject => {
            incoming.query.extend(fields.iter().map(|(key, value)| (format!("{name}[{key}]"), text(value))));
        }
        (Location::Query, Value::Array(items)) if parameter.explode() => {
            incoming.query.extend(items.iter().map(|item| (name.clone(), text(item))));
        }
        (Location::Query, Value::Array(items)) => {
            let all: Vec<_> = items.iter().map(text).collect();
            incoming.query.push((name, all.join(",")));
        }
        (_, value) => incoming.query.push((name, text(value))),
    }
}

fn fill(incoming: &mut Incoming, operation: Operation<'_>, media_type: MediaType<'_>) {
    let value = sample(operation, media_type.schema());
    let fields = value.as_object().into_iter().flatten();
    let (content_type, body) = match media_type.name() {
        "multipart/form-data" => {
            let part = |(name, value): (&String, &Value)| {
                format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{}\r\n", text(value))
            };
            ("multipart/form-data; boundary=b", fields.map(part).collect::<Vec<_>>().concat() + "--b--\r\n")
        }
        form @ "application/x-www-form-urlencoded" => {
            let mut pairs = url::form_urlencoded::Serializer::new(String::new());
            (form, pairs.extend_pairs(fields.map(|(name, value)| (name, text(value)))).finish())
        }
        other => (other, value.to_string()),
    };
    incoming.headers.insert("content-type", HeaderValue::from_str(content_type).unwrap());
    incoming.body = body.into();
}

#[test]
fn every_operation_lets_its_own_requests_in() {
    let described = built_in();
    let mut faults = Vec::new();
    let mut count = 0;
    for operation in described.table.iter().filter(|operation| operation.graphql().is_none()) {
        let incoming = request(operation);
        if incoming.body == "null" {
            // Its schema requires itself: no finite body fits it.
            assert_eq!(operation.id(), "WorkflowDefinitionsUpdate");
            continue;
        }
        match described.find(operation.service(), &incoming.method, &incoming.path) {
            Found::Operation(found, variables) if found.path() == operation.path() => {
                let problems = described.problems(found, &variables, &incoming);
                faults.extend(problems.into_iter().map(|problem| format!("{}: {problem}", operation.id())));
            }
            other => faults.push(format!("{}: {} finds {other:?}", operation.id(), incoming.path)),
        }
        count += 1;
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert!(count > 1700, "only {count} operations were looked at");
}

#[test]
fn every_answer_is_a_success_that_fits_its_schema() {
    let described = built_in();
    let mut faults = Vec::new();
    for operation in described.table.iter().filter(|operation| operation.graphql().is_none()) {
        let answer = described.answer(operation);
        assert!((200..300).contains(&answer.status), "{}: {}", operation.id(), answer.status);
        assert_eq!(answer, described.answer(operation), "{} answers the same again", operation.id());
        let declared = described.answers.of(operation, true).unwrap();
        let status = answer.status.to_string();
        let response = declared.responses().find(|one| one.status == status);
        let schema: Option<Value> =
            response.and_then(|one| one.schema).and_then(|text| serde_json::from_str(text).ok());
        let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
        if let (Some(schema), Some(body)) = (schema, body) {
            let problems = judge::problems(&schema, &body, "body", &|reference| declared.resolve(reference));
            faults.extend(problems.into_iter().map(|problem| format!("{}: {problem}", operation.id())));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
