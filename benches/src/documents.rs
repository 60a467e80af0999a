//! Documents to be loaded: made here in any size, or real ones from a folder that `OPCALL_DOCUMENTS` names.

use std::fmt::Write as _;
use std::path::PathBuf;

/// An `OpenAPI` 3.0 document in JSON of so many operations: four parameters each, a body with a reference for half of
/// them, answers, descriptions, and one schema for each operation. About 2.6 KB an operation.
pub(crate) fn made(operations: usize) -> String {
    let mut text = String::with_capacity(operations * 2_800 + 1_000);
    text += r#"{"openapi":"3.0.3","info":{"title":"Made","version":"1"},"servers":[{"url":"https://made.example/v1"}],"paths":{"#;
    for number in 0..operations {
        let comma = if number == 0 { "" } else { "," };
        let (method, body) = if number % 2 == 0 {
            ("get", String::new())
        } else {
            let body = format!(
                r##""requestBody":{{"required":true,"content":{{"application/json":{{"schema":{{"$ref":"#/components/schemas/Thing{number}"}}}}}}}},"##
            );
            ("post", body)
        };
        let _ = write!(
            text,
            r##"{comma}"/things{number}/{{id}}/parts":{{"{method}":{{"operationId":"things_{number}","tags":["things"],"summary":"Works on the parts of a thing","description":"Returns the parts of the thing that the identifier names, in the order in which they were added, with the state that each of them had when it was last looked at. Parts that were removed are left out.","parameters":[{{"name":"id","in":"path","required":true,"description":"The identifier of the thing.","schema":{{"type":"string","minLength":1,"maxLength":64}}}},{{"name":"limit","in":"query","description":"How many parts are returned at most.","schema":{{"type":"integer","minimum":1,"maximum":500,"default":100}}}},{{"name":"state","in":"query","description":"Only parts in one of these states.","style":"form","explode":false,"schema":{{"type":"array","items":{{"type":"string","enum":["new","used","broken"]}}}}}},{{"name":"x-trace","in":"header","description":"A text that comes back in the answer.","schema":{{"type":"string"}}}}],{body}"responses":{{"200":{{"description":"The parts.","content":{{"application/json":{{"schema":{{"$ref":"#/components/schemas/Thing{number}"}}}}}}}},"404":{{"description":"There is no such thing.","content":{{"application/json":{{"schema":{{"$ref":"#/components/schemas/Fault"}}}}}}}}}}}}}}"##
        );
    }
    text += r#"},"components":{"schemas":{"Fault":{"type":"object","required":["message"],"properties":{"message":{"type":"string"},"code":{"type":"integer"}}}"#;
    for number in 0..operations {
        let _ = write!(
            text,
            r##","Thing{number}":{{"type":"object","description":"A thing and what is known of it.","required":["name","state"],"properties":{{"name":{{"type":"string","description":"What it is called.","maxLength":200}},"state":{{"type":"string","enum":["new","used","broken"]}},"size":{{"type":"number","minimum":0}},"tags":{{"type":"array","items":{{"type":"string"}}}},"added":{{"type":"string","format":"date-time"}},"owner":{{"type":"object","properties":{{"id":{{"type":"string"}},"mail":{{"type":"string","format":"email"}}}}}},"fault":{{"$ref":"#/components/schemas/Fault"}}}}}}"##
        );
    }
    text + "}}}"
}

/// A document of so many short operations, all with the same four parameters, about 170 bytes an operation.
pub(crate) fn many(operations: usize) -> String {
    let mut text = String::with_capacity(operations * 180 + 1_000);
    text += r##"{"openapi":"3.0.3","info":{"title":"Many","version":"1"},"components":{"parameters":{"##;
    for (number, name) in ["limit", "offset", "sort", "filter"].into_iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        let kind = if number < 2 { "integer" } else { "string" };
        let _ = write!(
            text,
            r##"{comma}"{name}":{{"name":"{name}","in":"query","schema":{{"type":"{kind}"}}}}"##
        );
    }
    text += r#"}},"paths":{"#;
    for number in 0..operations {
        let comma = if number == 0 { "" } else { "," };
        let _ = write!(
            text,
            r##"{comma}"/things{number}":{{"get":{{"operationId":"things_{number}","parameters":[{{"$ref":"#/components/parameters/limit"}},{{"$ref":"#/components/parameters/offset"}},{{"$ref":"#/components/parameters/sort"}},{{"$ref":"#/components/parameters/filter"}}],"responses":{{}}}}}}"##
        );
    }
    text + "}}"
}

/// A document of one operation with so many query parameters.
pub(crate) fn wide(parameters: usize) -> String {
    let one = |number| format!(r#"{{"name":"name{number}","in":"query","schema":{{"type":"string"}}}}"#);
    let all: Vec<_> = (0..parameters).map(one).collect();
    format!(
        r#"{{"openapi":"3.0.3","info":{{"title":"Wide","version":"1"}},"paths":{{"/wide":{{"get":{{"operationId":"wide","parameters":[{}],"responses":{{}}}}}}}}}}"#,
        all.join(",")
    )
}

/// The real documents: name, path and an operation of each.
pub(crate) fn real() -> Vec<(String, PathBuf)> {
    let Some(folder) = std::env::var_os("OPCALL_DOCUMENTS") else { return Vec::new() };
    let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<_> = files
        .flatten()
        .map(|file| (file.file_name().to_string_lossy().into_owned(), file.path()))
        .filter(|(name, _)| name.ends_with(".json") || name.ends_with(".yaml"))
        .collect();
    found.sort();
    found
}
