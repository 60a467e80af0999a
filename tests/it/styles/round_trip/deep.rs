//! Values within values, in the style `deepObject`.

use super::*;

/// Keys that `[` and `]`, a list's numbers and its empty steps are told from.
fn key() -> impl Strategy<Value = String> {
    let letter = letters().prop_filter("a bracket", |letter| !"[]".contains(*letter));
    proptest::collection::vec(letter, 0..4).prop_map(|rest| format!("k{}", String::from_iter(rest)))
}

/// A nested value; null, empty lists and empty objects say nothing.
#[derive(Debug, Clone)]
enum Nested {
    Leaf(Leaf),
    List(Vec<Nested>),
    Members(Vec<(String, Nested)>),
}

fn nested() -> impl Strategy<Value = Nested> {
    leaf().prop_map(Nested::Leaf).prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Nested::List),
            proptest::collection::vec((key(), inner), 0..4).prop_map(Nested::Members),
        ]
    })
}

impl Nested {
    fn argument(&self) -> Argument {
        match self {
            Self::Leaf(leaf) => leaf.argument(),
            Self::List(items) => Argument::Array(items.iter().map(Self::argument).collect()),
            Self::Members(members) => {
                let members = members.iter().map(|(name, one)| (name.clone(), one.argument()));
                Argument::Object(members.collect::<IndexMap<_, _>>())
            }
        }
    }

    /// What is read back; where lists repeat a name, one that has a single value is that value.
    fn said(&self, repeats: bool) -> Option<Deep> {
        match self {
            Self::Leaf(leaf) => leaf.text().map(Deep::One),
            Self::List(items) => {
                let said: Vec<Deep> = items.iter().filter_map(|item| item.said(repeats)).collect();
                let is_of_leaves = items.iter().all(|item| matches!(item, Self::Leaf(_)));
                match <[Deep; 1]>::try_from(said) {
                    Ok([Deep::One(text)]) if repeats && is_of_leaves => Some(Deep::One(text)),
                    Ok([one]) => Some(Deep::List(vec![one])),
                    Err(said) => (!said.is_empty()).then_some(Deep::List(said)),
                }
            }
            Self::Members(members) => {
                let unique: IndexMap<_, _> = members.iter().map(|(name, one)| (name, one)).collect();
                let said =
                    unique.into_iter().filter_map(|(name, one)| Some((name.clone(), one.said(repeats)?)));
                let said: Vec<_> = said.collect();
                (!said.is_empty()).then_some(Deep::Members(said))
            }
        }
    }

    /// Whether a list has both values and what has members: where names repeat, a reader cannot place them.
    fn is_mixed(&self) -> bool {
        let is_leaf = |one: &&Self| matches!(one, Self::Leaf(_));
        match self {
            Self::Leaf(_) => false,
            Self::List(items) => {
                let leaves = items.iter().filter(is_leaf).count();
                leaves > 0 && leaves < items.len() || items.iter().any(Self::is_mixed)
            }
            Self::Members(members) => members.iter().any(|(_, one)| one.is_mixed()),
        }
    }
}

#[test]
fn nested_values_come_back_from_deep_objects() {
    let all = ["brackets", "indices", "repeat"];
    let parameter = |arrays: &str| {
        json!([{"name": DEEP, "in": "query", "style": "deepObject", "explode": true,
        "x-deep-object-arrays": arrays, "schema": {"type": "object"}}])
    };
    let body = |arrays: &str| {
        let schema = json!({"type": "object", "properties": {DEEP: {"type": "object"}}});
        let encoding = json!({DEEP: {"style": "deepObject", "x-deep-object-arrays": arrays}});
        json!({"content": {"application/x-www-form-urlencoded": {"schema": schema, "encoding": encoding}}})
    };
    let mut paths = serde_json::Map::new();
    for arrays in all {
        let get = json!({"operationId": format!("query-{arrays}"), "parameters": parameter(arrays), "responses": {}});
        let post =
            json!({"operationId": format!("form-{arrays}"), "requestBody": body(arrays), "responses": {}});
        paths.insert(format!("/{arrays}"), json!({"get": get, "post": post}));
    }
    let loaded = load("3.1.2", &paths.into(), &json!({}));
    assert_eq!(loaded.told(), [""; 0]);
    let calls = Cell::new(0_usize);
    let members = proptest::collection::vec((key(), nested()), 0..4).prop_map(Nested::Members);
    while calls.get() < DEEP_CALLS {
        let ran = runner(250).run(&members, |given| {
            for arrays in all.into_iter().filter(|arrays| *arrays != "repeat" || !given.is_mixed()) {
                let wanted = given.said(arrays == "repeat");
                let argument = || [(DEEP, given.argument())];
                let query = loaded.harness.command(&format!("query-{arrays}"), argument()).prepare().unwrap();
                let text = query.url().split_once('?').map(|(_, text)| text.to_owned()).unwrap_or_default();
                prop_assert_eq!(deep(&text, DEEP, Coding::Percent), wanted.clone(), "{} {:?}", text, given);
                let form = loaded.harness.command(&format!("form-{arrays}"), argument()).prepare().unwrap();
                let Content::Form { text, .. } = form.content() else { panic!("no form: {form:?}") };
                prop_assert_eq!(deep(text, DEEP, Coding::Form), wanted, "{} {:?}", text, given);
                calls.set(calls.get() + 2);
            }
            Ok(())
        });
        ran.unwrap_or_else(|error| panic!("{error}"));
    }
}
