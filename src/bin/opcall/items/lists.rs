//! Texts with commas for a name that is given several times.

use opcall::{Operation, Schema, Types};

use super::item::PLACES;
use super::{Item, Value};

/// Splits the texts of a repeated name at commas, as the library does with a single one, where the operation takes
/// comma lists and the name wants an array.
pub(crate) fn split_lists(items: Vec<Item>, operation: Option<Operation<'_>>) -> Vec<Item> {
    let Some(operation) = operation.filter(|operation| operation.comma_lists()) else { return items };
    let given: Vec<_> = items.iter().filter_map(whole_argument).map(str::to_owned).collect();
    let is_split = |item: &Item| {
        let name = whole_argument(item)?;
        let is_repeated = given.iter().filter(|other| *other == name).count() > 1;
        (is_repeated && wants_array(operation, name)).then(|| name.to_owned())
    };
    items
        .into_iter()
        .flat_map(|item| match (is_split(&item), &item) {
            (Some(name), Item::Argument { value: Value::Text(text), .. }) => elements(&name, text),
            _ => vec![item],
        })
        .collect()
}

/// The name of an item that is a whole argument.
fn whole_argument(item: &Item) -> Option<&str> {
    match item {
        Item::Argument { name, steps, .. } if steps.is_empty() => Some(name),
        _ => None,
    }
}

fn elements(name: &str, text: &str) -> Vec<Item> {
    let element = |text: &str| Item::Argument {
        name: name.to_owned(),
        steps: Vec::new(),
        value: Value::Text(text.to_owned()),
    };
    let parts: Vec<_> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(element).collect();
    if parts.is_empty() { vec![element(text)] } else { parts }
}

fn wants_array(operation: Operation<'_>, name: &str) -> bool {
    let bare = PLACES.into_iter().find_map(|place| name.strip_prefix(place)).unwrap_or(name);
    let is_array = |schema: Schema<'_>| {
        let types = schema.types();
        types.names(Types::ARRAY) && !types.names(Types::STRING)
    };
    let mut parameters = operation.parameters().filter(|one| one.name() == bare);
    let body = operation.body().into_iter().flat_map(opcall::RequestBody::media_types);
    let mut properties = body.flat_map(opcall::MediaType::properties).filter(|one| one.name() == bare);
    parameters.any(|one| is_array(one.schema())) || properties.any(|one| is_array(one.schema()))
}
