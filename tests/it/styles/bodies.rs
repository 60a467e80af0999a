//! Forms and multipart bodies by their Encoding Objects.

use opcall::{Content, FilePart, Part, PartContent, Request, params};
use serde_json::{Value, json};

use super::Loaded;

fn form(version: &str, schema: &Value, encoding: &Value, value: &Value) -> (String, Vec<String>) {
    let content = json!({"application/x-www-form-urlencoded": {"schema": schema, "encoding": encoding}});
    let loaded = Loaded::body(version, &content, &json!({}));
    let request = loaded.call(&json!({"body": value})).unwrap();
    let Content::Form { text, .. } = request.content() else { panic!("no form") };
    (text.clone(), loaded.told())
}

#[test]
fn forms_follow_their_encoding() {
    let schema = json!({"type": "object", "properties": {
        "list": {"type": "array", "items": {}}, "object": {"type": "object"}, "text": {"type": "string"}}});
    let value = json!({"list": ["a b", "c,d"], "object": {"k": "v w", "n": 1}, "text": "x/y~"});
    let written = |encoding: Value| form("3.1.2", &schema, &encoding, &value).0;
    let all = |style: Value| json!({"list": style, "object": style});
    let text = "text=x%2Fy%7E";
    assert_eq!(
        written(json!({})),
        format!("list=a+b&list=c%2Cd&object=%7B%22k%22%3A%22v+w%22%2C%22n%22%3A1%7D&{text}")
    );
    assert_eq!(written(all(json!({"explode": true}))), format!("list=a+b&list=c%2Cd&k=v+w&n=1&{text}"));
    assert_eq!(written(all(json!({"explode": false}))), format!("list=a+b,c%2Cd&object=k,v+w,n,1&{text}"));
    assert_eq!(
        written(all(json!({"style": "pipeDelimited"}))),
        format!("list=a+b%7Cc%2Cd&object=k%7Cv+w%7Cn%7C1&{text}")
    );
    assert_eq!(
        written(all(json!({"style": "spaceDelimited"}))),
        format!("list=a+b+c%2Cd&object=k+v+w+n+1&{text}")
    );
    assert_eq!(
        written(
            json!({"object": {"style": "deepObject"}, "list": {"style": "deepObject", "x-deep-object-arrays": "indices"}})
        ),
        format!("list%5B0%5D=a+b&list%5B1%5D=c%2Cd&object%5Bk%5D=v+w&object%5Bn%5D=1&{text}")
    );
    assert_eq!(
        written(json!({"text": {"allowReserved": true}, "list": {"contentType": "application/json"}})),
        "list=%22a+b%22&list=%22c%2Cd%22&object=%7B%22k%22%3A%22v+w%22%2C%22n%22%3A1%7D&text=x/y~"
    );
}

#[test]
fn encodings_without_a_form_are_told() {
    let schema = json!({"type": "object", "properties": {
        "list": {"type": "array", "items": {}}, "text": {"type": "string"}}});
    let encoding = json!({"list": {"style": "spaceDelimited", "explode": true},
        "text": {"style": "deepObject"}, "other": {"style": "label"}});
    let (text, told) = form("3.2.0", &schema, &encoding, &json!({"list": ["a", "b"], "text": "x"}));
    assert_eq!(text, "list=a&list=b&text=x");
    let at = "#/paths/~1a/post/requestBody/content/application~1x-www-form-urlencoded/encoding";
    assert_eq!(
        told[..2],
        [
            format!(
                "{at}/list/style: the style `spaceDelimited` has no exploded form; read as `form` (read as the nearest valid form)"
            ),
            format!(
                "{at}/text/style: the style `deepObject` has no form for a single value; read as `form` (read as the nearest valid form)"
            ),
        ]
    );
    let wanted = format!("{at}/other: `style` must be one of `form`, `spaceDelimited`, `pipeDelimited`, ");
    assert!(told[2].starts_with(&wanted) && told[2].contains("got \"label\""), "{told:?}");
}

/// The multipart example of the specification, with headers and every choice of a type.
fn upload() -> Loaded {
    let schema = json!({"type": "object", "properties": {
        "id": {"type": "string", "format": "uuid"},
        "alias": {"type": "array", "items": {"type": "string"}},
        "addresses": {"type": "array", "items": {"$ref": "#/components/schemas/Address"}},
        "codes": {"type": "array", "items": {"type": "integer"}},
        "colors": {"type": "object"},
        "meta": {"type": "object"},
        "image": {}, "any": {}}});
    let encoding = json!({
        "alias": {"contentType": "text/plain"},
        "addresses": {"contentType": "application/xml; charset=utf-8"},
        "codes": {"style": "pipeDelimited"},
        "colors": {"style": "deepObject"},
        "meta": {"contentType": "application/json, application/xml"},
        "any": {"contentType": "image/*"},
        "image": {"contentType": "image/png, image/jpeg", "headers": {
            "Content-Type": {"schema": {"type": "string"}},
            "X-Limit": {"schema": {"type": "integer", "default": 5}},
            "X-Tags": {"explode": true, "schema": {"type": "object"}},
            "X-Json": {"content": {"application/json": {"schema": {"type": "object"}}}},
            "X-Id": {"$ref": "#/components/headers/Id"}}},
    });
    let components = json!({"components": {
        "headers": {"Id": {"required": true, "schema": {"$ref": "#/components/schemas/Id"}}},
        "schemas": {"Id": {"type": "string", "maxLength": 3},
            "Address": {"type": "object", "properties": {"city": {"type": "string"}}}}}});
    let loaded = Loaded::body(
        "3.2.0",
        &json!({"multipart/form-data": {"schema": schema, "encoding": encoding}}),
        &components,
    );
    assert_eq!(loaded.told(), [""; 0]);
    loaded
}

fn shown(request: &Request) -> Vec<String> {
    let Content::Multipart(parts) = request.content() else { panic!("no parts") };
    let of = |part: &Part| {
        let text = match &part.content {
            PartContent::Text(text) => text.clone(),
            PartContent::Bytes(bytes) => format!("{} bytes", bytes.len()),
            other => format!("{other:?}"),
        };
        let filename = part.filename.as_deref().map(|name| format!(" file {name}")).unwrap_or_default();
        let media_type = part.content_type.as_deref().map(|name| format!(" as {name}")).unwrap_or_default();
        let headers: Vec<String> =
            part.headers.iter().map(|(name, value)| format!(" [{name}: {value}]")).collect();
        let headers = headers.concat();
        format!("{}{filename}{media_type}{headers} = {text}", part.name)
    };
    parts.iter().map(of).collect()
}

#[test]
fn parts_follow_their_encoding() {
    let loaded = upload();
    let request = loaded.call(&json!({"id": "f8", "alias": ["A", "B"], "addresses": [{"city": "X & Y"}],
        "codes": [1, 2], "colors": {"R": 1, "G": [2, 3]}, "meta": {"a": 1}, "any": "x y"}));
    assert_eq!(
        shown(&request.unwrap()),
        [
            "id = f8",
            "alias as text/plain = A",
            "alias as text/plain = B",
            "addresses as application/xml; charset=utf-8 = <Address><city>X &amp; Y</city></Address>",
            "codes = 1|2",
            "colors[R] = 1",
            "colors[G][] = 2",
            "colors[G][] = 3",
            "meta as application/json = {\"a\":1}",
            "any = x y",
        ]
    );
    let problem = "body.any: cannot be written as image/x: give a file or text, not {\"a\":1}";
    assert_eq!(loaded.problems(&json!({"any": {"a": 1}, "part.any.Content-Type": "image/x"})), [problem]);
}

#[test]
fn parts_have_the_headers_they_are_given() {
    let loaded = upload();
    let image = || FilePart::bytes("PNG").with_filename("a.PNG");
    let call = |arguments: opcall::Params| loaded.harness.command("call", arguments).prepare();
    let given = params! { image: image(), "part.image.X-Id": "abc", "part.image.x-tags": json!({"a": 1, "b": "c"}),
    "part.image.X-Json": json!({"k": [1]}), "part.image.X-Limit": "7", "part.image.X-Own": "mine" };
    let request = call(given).unwrap();
    assert_eq!(
        shown(&request),
        ["image file a.PNG as image/png [X-Id: abc] [x-tags: a=1,b=c] [X-Json: {\"k\":[1]}] \
        [X-Limit: 7] [X-Own: mine] = 3 bytes"]
    );
    let sent = http::Request::<bytes::Bytes>::try_from(request.clone()).unwrap();
    let text = String::from_utf8_lossy(sent.body()).into_owned();
    assert!(text.contains("\r\nX-Id: abc\r\nx-tags: a=1,b=c\r\n"), "{text}");
    assert!(
        request.to_string().contains(r#";type=image/png;headers="X-Id: abc";headers="x-tags: a=1,b=c""#),
        "{request}"
    );
    let own =
        call(params! { image: image().with_header("X-Id", "1").with_media_type("image/jpeg") }).unwrap();
    assert_eq!(shown(&own), ["image file a.PNG as image/jpeg [X-Id: 1] = 3 bytes"]);
    let unnamed = params! { image: FilePart::bytes("?"), "part.image.X-Id": "1" };
    assert_eq!(shown(&call(unnamed).unwrap()), ["image file image as image/png [X-Id: 1] = 1 bytes"]);
    let chosen = params! { meta: json!({"meta": 1}), "part.meta.content-type": "application/json; v=2" };
    assert_eq!(shown(&call(chosen).unwrap()), ["meta as application/json; v=2 = {\"meta\":1}"]);
}

#[test]
fn what_is_wrong_with_parts_is_told_at_once() {
    let loaded = upload();
    let gif = FilePart::bytes("GIF").with_media_type("image/gif").with_header("Content-Disposition", "x");
    let given = params! { image: gif, "part.image.X-Limit": "many", "part.image.X-Own": "a\nb",
    "part.gone.X": 1, "part.image.X-Id": "long" };
    let Err(opcall::Error::Arguments(error)) = loaded.harness.command("call", given).prepare() else {
        panic!("not refused")
    };
    let told: Vec<String> =
        error.problems.iter().map(|one| format!("{}: {}", one.path, one.problem)).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    body.image: must be of the type image/png or image/jpeg, got image/gif
    part.image.X-Limit: must be an integer, got "many"
    part.image.X-Own: must not hold line breaks or control characters
    part.gone.X: is for a part that is not sent: `part.FIELD.HEADER` needs a value for the field too
    part.image.X-Id: must have at most 3 characters, has 4
    part.image.Content-Disposition: is written from the part's name and file name
    "#);
    let missing = loaded.problems(&json!({"image": "text"}));
    assert_eq!(missing, ["part.image.X-Id: is required"]);
    let other = Loaded::body(
        "3.1.0",
        &json!({"application/json": {"schema": {"type": "object",
        "properties": {"a": {"type": "string"}}}}}),
        &json!({}),
    );
    assert_eq!(other.problems(&json!({"a": "x", "part.a.X": 1})), ["part.a.X: is not known here"]);
}

/// What is sent without a body: the type where the document lists one that could be sent.
#[test]
fn a_call_without_a_body_says_its_one_type() {
    let of = |media_types: &[&str]| {
        let content =
            media_types.iter().map(|name| ((*name).to_owned(), json!({"schema": {"type": "object"}})));
        let content = Value::Object(content.collect());
        let operation = |method: &str| json!({"operationId": method, "requestBody": {"content": content}, "responses": {}});
        let methods = ["get", "post", "put", "patch", "delete"];
        let item: serde_json::Map<_, _> =
            methods.iter().map(|method| ((*method).to_owned(), operation(method))).collect();
        let loaded = super::load("3.1.0", &json!({"/a": item}), &json!({}));
        let sent = methods.map(|method| {
            let request = loaded.harness.command(method, ()).prepare().unwrap();
            assert_eq!(request.content(), &Content::None);
            let headers = request.headers().into_iter();
            headers.filter(|(name, _)| *name == "content-type").map(|(_, value)| value.into_owned()).next()
        });
        let [get, rest @ ..] = sent;
        assert_eq!(get, None);
        assert!(rest.iter().all(|one| *one == rest[0]));
        rest[0].clone()
    };
    assert_eq!(of(&["application/json"]).as_deref(), Some("application/json"));
    assert_eq!(of(&["application/xml"]).as_deref(), Some("application/xml"));
    assert_eq!(of(&["application/json", "application/xml"]), None);
    assert_eq!(of(&["*/*"]), None);
    // It would lack its boundary.
    assert_eq!(of(&["multipart/form-data"]), None);
}

#[test]
fn a_get_has_a_body_only_where_the_document_says_so() {
    let content =
        json!({"application/json": {"schema": {"type": "object", "properties": {"a": {"type": "string"}}}}});
    let with = json!({"operationId": "with", "requestBody": {"content": content}, "responses": {}});
    let without = json!({"operationId": "without", "responses": {}});
    let loaded = super::load("3.1.0", &json!({"/a": {"get": with}, "/b": {"get": without}}), &json!({}));
    let request = loaded.harness.command("with", [("a", "x")]).prepare().unwrap();
    assert_eq!(request.content(), &Content::Json(r#"{"a":"x"}"#.into()));
    let refused = loaded.harness.command("without", ()).body(json!({"a": 1})).allow_unknown().prepare();
    assert!(refused.unwrap_err().to_string().contains("the operation declares no body"));
}

#[tokio::test]
async fn parts_and_xml_go_over_the_wire_as_they_are_shown() {
    let server = crate::support::Server::start(|_, _| crate::support::Reply::json(200, "{}"));
    let loaded = upload();
    let arguments = params! { image: FilePart::bytes("PNG").with_filename("a.png"), "part.image.X-Id": "abc",
    addresses: [json!({"city": "Ä & B"})] };
    loaded.harness.command("call", arguments).server(server.url()).await.unwrap();
    let text = server.only("/a").text();
    let file = "content-disposition: form-data; name=\"image\"; filename=\"a.png\"\r\ncontent-type: image/png\r\nx-id: abc\r\n\r\nPNG\r\n";
    let xml = "name=\"addresses\"\r\ncontent-type: application/xml; charset=utf-8\r\n\r\n<Address><city>Ä &amp; B</city></Address>\r\n";
    let lower = text.to_lowercase();
    assert!(lower.contains(&file.to_lowercase()), "{text}");
    assert!(lower.contains(&xml.to_lowercase()), "{text}");
}
