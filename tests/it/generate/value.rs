//! Values that fit a schema.

use std::collections::HashMap;
use std::rc::Rc;

use opcall::{Operation, Parameter};
use serde_json::{Map, Value, json};

use super::flat::Flat;
use super::{Extent, is_plain_text_needed, text};

/// Below this only what is required is made: schemas may name themselves.
const DEEP: usize = 5;
/// How many values one set of arguments has at most beyond what is required.
const MANY: usize = 600;

/// How the reason ends that a value has no end.
const ENDLESS: &str = " has no end";

fn is_endless(reason: &str) -> bool {
    reason.ends_with(ENDLESS)
}

/// A schema's text as a value; an empty text says nothing.
pub(super) fn parsed(text: &str) -> Value {
    if text.is_empty() { json!({}) } else { serde_json::from_str(text).unwrap() }
}

/// Makes values for one operation.
pub(super) struct Maker<'t> {
    operation: Operation<'t>,
    extent: Extent,
    state: u64,
    /// The references that lead to the value being made.
    following: Vec<String>,
    schemas: HashMap<String, Rc<Value>>,
    depth: usize,
    made: usize,
    /// Whether texts hold no delimiters.
    pub(super) plain: bool,
}

impl<'t> Maker<'t> {
    pub(super) fn new(operation: Operation<'t>, extent: Extent, seed: u64) -> Self {
        let state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bd1_e995;
        Self {
            operation,
            extent,
            state,
            following: Vec::new(),
            schemas: HashMap::new(),
            depth: 0,
            made: 0,
            plain: false,
        }
    }

    /// The next of a fixed run of numbers (`SplitMix64`).
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A parameter's value.
    pub(super) fn parameter(&mut self, parameter: Parameter<'_>) -> Result<Value, String> {
        self.plain = is_plain_text_needed(parameter);
        let mut schema = parsed(parameter.schema().text());
        if parameter.content() == Some("application/x-www-form-urlencoded") && schema.get("type").is_none() {
            schema = json!({"allOf": [{"type": "object"}, schema]});
        }
        let value = match self.value(&schema) {
            // An object without members writes nothing, and a required parameter must be there.
            Ok(Value::Object(members)) if members.is_empty() => {
                self.value(&json!({"allOf": [schema, {"minProperties": 1}]}))
            }
            value => value,
        };
        self.plain = false;
        value
    }

    /// A value that fits a schema.
    pub(super) fn value(&mut self, schema: &Value) -> Result<Value, String> {
        let before = self.following.len();
        self.depth += 1;
        self.made += 1;
        let made = self.flat(schema).and_then(|flat| self.of_flat(flat));
        self.depth -= 1;
        self.following.truncate(before);
        let is_nullable = schema["nullable"] == true
            || schema["type"].as_array().is_some_and(|types| types.contains(&json!("null")));
        match made {
            // What holds itself ends with `null`, where it may.
            Err(reason) if is_nullable && is_endless(&reason) => Ok(Value::Null),
            made => made,
        }
    }

    /// Whether a property's schema leads to one that is being followed.
    pub(super) fn is_followed(&self, property: &Value) -> bool {
        let is_it = |one: &Value| {
            one["$ref"].as_str().is_some_and(|one| self.following.iter().any(|known| known == one))
        };
        is_it(property) || property["allOf"].as_array().is_some_and(|parts| parts.iter().any(is_it))
    }

    /// The keywords of a schema; the references it follows stay in `following`.
    pub(super) fn flat(&mut self, schema: &Value) -> Result<Flat, String> {
        let mut flat = Flat::default();
        self.lay(schema, &mut flat)?;
        Ok(flat)
    }

    fn lay(&mut self, schema: &Value, flat: &mut Flat) -> Result<(), String> {
        let Value::Object(map) = schema else {
            return if *schema == Value::Bool(false) {
                Err("no value is allowed".to_owned())
            } else {
                Ok(())
            };
        };
        flat.add(map);
        if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
            // A type may hold itself once, so that recursion is seen; then it ends.
            if self.following.iter().filter(|one| *one == reference).count() > 1 {
                return Err(format!("a value of `{reference}`{ENDLESS}"));
            }
            self.following.push(reference.to_owned());
            if let Some(target) = self.schema(reference) {
                self.lay(&target, flat)?;
            }
        }
        for part in map.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.lay(part, flat)?;
        }
        Ok(())
    }

    fn schema(&mut self, reference: &str) -> Option<Rc<Value>> {
        if let Some(known) = self.schemas.get(reference) {
            return Some(Rc::clone(known));
        }
        let schema = Rc::new(parsed(self.operation.schema(reference)?));
        self.schemas.insert(reference.to_owned(), Rc::clone(&schema));
        Some(schema)
    }

    fn of_flat(&mut self, mut flat: Flat) -> Result<Value, String> {
        if flat.alternatives.is_empty() {
            return self.plainly(&flat);
        }
        let branches = flat.alternatives.remove(0);
        let start = usize::try_from(self.next() % 64).unwrap() % branches.len();
        let mut reason = String::new();
        for number in 0..branches.len() {
            let branch = &branches[(start + number) % branches.len()];
            let (before, mut joined) = (self.following.len(), flat.clone());
            // A branch's own types narrow; `null` alone is no value to send.
            let made = match self.lay(branch, &mut joined) {
                Ok(()) if joined.kind() == "null" && branches.len() > 1 => Err("null".to_owned()),
                Ok(()) => self.of_flat(joined.clone()),
                Err(reason) => Err(reason),
            };
            self.following.truncate(before);
            match made {
                Ok(mut value) => {
                    name_branch(&mut value, branch, &joined);
                    return Ok(value);
                }
                Err(why) => reason = why,
            }
        }
        Err(reason)
    }

    fn plainly(&mut self, flat: &Flat) -> Result<Value, String> {
        if let Some(choices) = &flat.choices {
            return self.choice(flat, choices);
        }
        match flat.kind() {
            "null" => Ok(Value::Null),
            "boolean" => Ok(Value::Bool(self.next().is_multiple_of(2))),
            "integer" => self.integer(flat),
            "number" => self.number(flat),
            "string" | "any" => text::fitting(flat, self.plain, self.next()).map(Value::String),
            "array" => self.array(flat),
            "object" => self.object(flat),
            "nothing" => Err("its `allOf` asks for types that no value has at once".to_owned()),
            other => Err(format!("`{other}` is no type")),
        }
    }

    /// One of an enum. Some documents join all into one text, or set the items' enum on the array.
    fn choice(&mut self, flat: &Flat, choices: &[Value]) -> Result<Value, String> {
        let fits = |one: &&Value| match one {
            Value::Null => false,
            Value::String(_) => flat.admits("string") || flat.admits("array"),
            Value::Number(_) => true,
            Value::Bool(_) => flat.admits("boolean") || flat.admits("string"),
            Value::Array(_) => flat.admits("array"),
            Value::Object(_) => flat.admits("object"),
        };
        let fitting: Vec<&Value> = choices.iter().filter(fits).collect();
        if fitting.is_empty() {
            return match choices {
                [.., Value::Null] | [Value::Null, ..] => Ok(Value::Null),
                _ => Err("none of the enum's values is allowed".to_owned()),
            };
        }
        let one = fitting[usize::try_from(self.next() % 1_000).unwrap() % fitting.len()];
        Ok(match (one, flat.kind()) {
            (Value::String(all), "string") if choices.len() == 1 && all.contains(',') => {
                all.split(',').next().unwrap().trim().into()
            }
            (Value::Array(_), _) => one.clone(),
            (one, "array") => {
                let items = flat.items.as_ref().and_then(|items| items["type"].as_str());
                match (items, one) {
                    (Some("integer" | "number" | "boolean"), Value::String(_)) => {
                        return self.array(&Flat { choices: None, ..flat.clone() });
                    }
                    _ => json!([one]),
                }
            }
            (Value::Number(_) | Value::Bool(_), "string") => one.to_string().into(),
            (one, _) => one.clone(),
        })
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "kept within 53 bits")]
    fn integer(&mut self, flat: &Flat) -> Result<Value, String> {
        let most = if flat.format.as_deref() == Some("int32") { f64::from(i32::MAX) } else { 9e15 };
        let low = flat
            .low
            .map_or(f64::NEG_INFINITY, |(low, out)| if out { (low + 1.0).floor() } else { low.ceil() });
        let high = flat
            .high
            .map_or(f64::INFINITY, |(high, out)| if out { (high - 1.0).ceil() } else { high.floor() });
        let (low, high) = (low.max(-most), high.min(most));
        let first = if low <= 1.0 && high >= 1.0 {
            1.0
        } else if low > 1.0 {
            low
        } else {
            high.min(low.max(high - 50.0))
        };
        let step = flat.step.filter(|step| *step >= 1.0).unwrap_or(1.0);
        let span = ((high - first) / step).clamp(0.0, 50.0).floor() as u64 + 1;
        let first = (first / step).ceil() * step;
        let mut value = first + step * f64::from(u32::try_from(self.next() % span).unwrap());
        if value > high {
            value = first;
        }
        if value < low || value > high {
            return Err(format!("no integer is from {low} to {high} in steps of {step}"));
        }
        Ok(json!(value as i64))
    }

    fn number(&mut self, flat: &Flat) -> Result<Value, String> {
        let whole =
            self.integer(&Flat { step: flat.step.or(Some(1.0)).filter(|step| *step >= 1.0), ..flat.clone() });
        let ((low, low_out), (high, high_out)) =
            (flat.low.unwrap_or((f64::MIN, false)), flat.high.unwrap_or((f64::MAX, false)));
        let fits = |value: f64| {
            (value > low || !low_out && value >= low) && (value < high || !high_out && value <= high)
        };
        if let Some(step) = flat.step {
            let of_step = step * (low.max(0.0) / step).ceil();
            return [of_step, of_step + step]
                .into_iter()
                .find(|value| fits(*value))
                .map(|value| json!(value))
                .or(whole.ok())
                .ok_or_else(|| format!("no number is from {low} to {high} in steps of {step}"));
        }
        let near = whole.ok().and_then(|whole| whole.as_f64());
        let tries = [near.map(|near| near + 0.5), near, Some(low / 2.0 + high / 2.0), Some(low), Some(high)];
        let found = tries.into_iter().flatten().find(|value| fits(*value));
        found.map(|value| json!(value)).ok_or_else(|| format!("no number is from {low} to {high}"))
    }

    /// Whether something that is not required is made.
    fn is_wanted(&self) -> bool {
        self.extent == Extent::Full && self.depth <= DEEP && self.made < MANY
    }

    fn array(&mut self, flat: &Flat) -> Result<Value, String> {
        let (least, most) = flat.counts;
        let any = json!({"type": "string"});
        let mut items = Vec::new();
        for schema in &flat.tuple {
            items.push(self.value(schema)?);
        }
        let wanted = if self.is_wanted() { 2 } else { 1 };
        let wanted = wanted.max(least).min(most.unwrap_or(usize::MAX));
        let schema = flat.items.as_ref().unwrap_or(&any);
        let mut tries = 0;
        while items.len() < wanted && tries < wanted + 40 {
            tries += 1;
            match self.value(schema) {
                Ok(item) if flat.unique && items.contains(&item) => {}
                Ok(item) => items.push(item),
                Err(reason) if items.len() < least => return Err(reason),
                Err(_) => break,
            }
        }
        if items.len() < least {
            return Err(format!("there are no {least} different items"));
        }
        Ok(Value::Array(items))
    }

    fn object(&mut self, flat: &Flat) -> Result<Value, String> {
        let mut members = Map::new();
        for (name, property) in &flat.properties {
            let is_required = flat.required.contains(name);
            if !is_required && (!self.is_wanted() || flat.members.1.is_some_and(|most| members.len() >= most))
            {
                continue;
            }
            let is_sealed = flat.sealed.as_ref().is_some_and(|known| !known.contains(name));
            if is_sealed && is_required {
                return Err(format!("{name} is required and not allowed"));
            }
            if is_sealed || self.is_read_only(property) {
                continue;
            }
            match self.value(property) {
                Ok(value) => {
                    members.insert(name.clone(), value);
                }
                // What holds itself has no finite value: it is left out, required or not.
                Err(reason) if is_required && !is_endless(&reason) => {
                    return Err(format!("{name}: {reason}"));
                }
                Err(_) => {}
            }
        }
        let open = flat.additional.clone().unwrap_or_else(|| json!({"type": "string"}));
        let others = flat.required.iter().filter(|name| !flat.properties.contains_key(*name));
        for name in others {
            members.insert(name.clone(), self.value(&open)?);
        }
        let is_map = flat.additional.as_ref().is_some_and(|schema| *schema != Value::Bool(false));
        if is_map
            && flat.properties.is_empty()
            && members.is_empty()
            && self.is_wanted()
            && let Ok(value) = self.value(&open)
        {
            members.insert("extra".to_owned(), value);
        }
        self.fill(flat, &mut members, &open)?;
        Ok(Value::Object(members))
    }

    /// Adds members until there are as many as are asked for.
    fn fill(&mut self, flat: &Flat, members: &mut Map<String, Value>, open: &Value) -> Result<(), String> {
        for (name, property) in &flat.properties {
            if members.len() < flat.members.0 && !members.contains_key(name) && !self.is_read_only(property) {
                members.insert(name.clone(), self.value(property)?);
            }
        }
        while members.len() < flat.members.0 {
            let value = self.value(open)?;
            members.insert(format!("extra{}", members.len()), value);
        }
        Ok(())
    }

    fn is_read_only(&mut self, schema: &Value) -> bool {
        let before = self.following.len();
        let flat = self.flat(schema);
        self.following.truncate(before);
        flat.is_ok_and(|flat| flat.read_only)
    }
}

/// Where a discriminator says which alternative a value is of, the value says so.
fn name_branch(value: &mut Value, branch: &Value, flat: &Flat) {
    let (Some(discriminator), Some(reference)) = (&flat.discriminator, branch["$ref"].as_str()) else {
        return;
    };
    let (Some(property), Value::Object(members)) = (discriminator["propertyName"].as_str(), value) else {
        return;
    };
    let Some(known) = members.get_mut(property).filter(|known| known.is_string()) else { return };
    let last = reference.rsplit('/').next().unwrap_or_default();
    let mapping = discriminator["mapping"].as_object().into_iter().flatten();
    let mapped = mapping.clone().find(|(_, target)| *target == reference || *target == last);
    // One that lists its own name has it already.
    let own = &flat.properties.get(property).cloned().unwrap_or_default();
    if own.get("enum").is_none() && own.get("const").is_none() && own.get("allOf").is_none() {
        *known = mapped.map_or(last, |(name, _)| name.as_str()).into();
    }
}
