//! A schema with its references and `allOf` laid together: one set of keywords that a value must fit.

use serde_json::{Map, Value};

/// The keywords that hold at a schema's top.
#[derive(Debug, Clone, Default)]
pub(super) struct Flat {
    /// The types that are allowed; `None` where none is named.
    pub(super) types: Option<Vec<String>>,
    /// The values that are allowed.
    pub(super) choices: Option<Vec<Value>>,
    /// Members by name; of several schemas for one name an `allOf`.
    pub(super) properties: Map<String, Value>,
    pub(super) required: Vec<String>,
    pub(super) additional: Option<Value>,
    /// The only members that there may be: each part with `additionalProperties: false` knows its own alone.
    pub(super) sealed: Option<Vec<String>>,
    pub(super) items: Option<Value>,
    pub(super) tuple: Vec<Value>,
    /// `oneOf` and `anyOf`, each to be fitted.
    pub(super) alternatives: Vec<Vec<Value>>,
    pub(super) discriminator: Option<Value>,
    pub(super) patterns: Vec<String>,
    pub(super) format: Option<String>,
    /// Values that the document gives as examples or defaults.
    pub(super) samples: Vec<Value>,
    /// The least number and whether it is excluded.
    pub(super) low: Option<(f64, bool)>,
    /// The greatest number and whether it is excluded.
    pub(super) high: Option<(f64, bool)>,
    pub(super) step: Option<f64>,
    pub(super) lengths: (usize, Option<usize>),
    pub(super) counts: (usize, Option<usize>),
    pub(super) members: (usize, Option<usize>),
    pub(super) unique: bool,
    pub(super) read_only: bool,
}

/// A keyword's boolean.
fn is_true(schema: &Map<String, Value>, key: &str) -> bool {
    schema.get(key) == Some(&Value::Bool(true))
}

impl Flat {
    /// Lays one schema object, without what it refers to, under what is there.
    pub(super) fn add(&mut self, schema: &Map<String, Value>) {
        self.add_types(schema);
        self.add_numbers(schema);
        self.add_sizes(schema);
        self.add_members(schema);
        if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
            self.choose(choices);
        }
        if let Some(constant) = schema.get("const") {
            self.choose(std::slice::from_ref(constant));
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(branches) = schema.get(key).and_then(Value::as_array).filter(|all| !all.is_empty()) {
                self.alternatives.push(branches.clone());
            }
        }
        let text = |key: &str| schema.get(key).and_then(Value::as_str).map(str::to_owned);
        self.patterns.extend(text("pattern"));
        self.format = self.format.take().or_else(|| text("format"));
        self.discriminator = self.discriminator.take().or_else(|| schema.get("discriminator").cloned());
        self.samples.extend(schema.get("example").cloned());
        self.samples.extend(schema.get("examples").and_then(Value::as_array).into_iter().flatten().cloned());
        self.samples.extend(schema.get("default").cloned());
        self.read_only |= is_true(schema, "readOnly");
    }

    fn add_types(&mut self, schema: &Map<String, Value>) {
        let named: Vec<String> = match schema.get("type") {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(several)) => {
                several.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            _ => return,
        };
        let fits = |one: &String, other: &String| {
            one == other || one == "integer" && other == "number" || one == "null"
        };
        self.types = Some(match self.types.take() {
            None => named,
            Some(known) => {
                let both: Vec<_> =
                    named.iter().filter(|one| known.iter().any(|other| fits(one, other))).cloned().collect();
                both
            }
        });
    }

    fn add_numbers(&mut self, schema: &Map<String, Value>) {
        let number = |key: &str| schema.get(key).and_then(Value::as_f64);
        let lows = [
            number("minimum").map(|low| (low, is_true(schema, "exclusiveMinimum"))),
            number("exclusiveMinimum").map(|low| (low, true)),
        ];
        for low in lows.into_iter().flatten() {
            if self.low.is_none_or(|known| (known.0, u8::from(known.1)) < (low.0, u8::from(low.1))) {
                self.low = Some(low);
            }
        }
        let highs = [
            number("maximum").map(|high| (high, is_true(schema, "exclusiveMaximum"))),
            number("exclusiveMaximum").map(|high| (high, true)),
        ];
        for high in highs.into_iter().flatten() {
            if self.high.is_none_or(|known| (known.0, u8::from(!known.1)) > (high.0, u8::from(!high.1))) {
                self.high = Some(high);
            }
        }
        self.step = self.step.or_else(|| number("multipleOf"));
    }

    fn add_sizes(&mut self, schema: &Map<String, Value>) {
        let count = |key: &str| {
            let number = schema.get(key)?;
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a count of a document"
            )]
            let whole = |number: &Value| number.as_f64().map(|number| number.max(0.0) as usize);
            number.as_u64().and_then(|number| usize::try_from(number).ok()).or_else(|| whole(number))
        };
        for (sizes, least, most) in [
            (&mut self.lengths, "minLength", "maxLength"),
            (&mut self.counts, "minItems", "maxItems"),
            (&mut self.members, "minProperties", "maxProperties"),
        ] {
            sizes.0 = sizes.0.max(count(least).unwrap_or(0));
            sizes.1 = match (sizes.1, count(most)) {
                (Some(known), Some(new)) => Some(known.min(new)),
                (known, new) => known.or(new),
            };
        }
        self.unique |= is_true(schema, "uniqueItems");
    }

    fn add_members(&mut self, schema: &Map<String, Value>) {
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let both = match self.properties.get(name) {
                Some(known) if known != property => serde_json::json!({"allOf": [known, property]}),
                _ => property.clone(),
            };
            self.properties.insert(name.clone(), both);
        }
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            self.required.extend(name.as_str().map(str::to_owned));
        }
        match schema.get("additionalProperties") {
            Some(sealed @ Value::Bool(false)) => {
                self.additional = Some(sealed.clone());
                let own = schema.get("properties").and_then(Value::as_object);
                let own: Vec<String> = own.into_iter().flatten().map(|(name, _)| name.clone()).collect();
                self.sealed = Some(match self.sealed.take() {
                    Some(known) => known.into_iter().filter(|name| own.contains(name)).collect(),
                    None => own,
                });
            }
            Some(given) if self.additional != Some(Value::Bool(false)) => {
                self.additional = Some(given.clone());
            }
            _ => {}
        }
        if let Some(items) = schema.get("items").filter(|items| items.is_object() || items.is_boolean()) {
            self.items = Some(match self.items.take() {
                Some(known) if known != *items => serde_json::json!({"allOf": [known, items]}),
                _ => items.clone(),
            });
        }
        if let Some(tuple) = schema.get("prefixItems").and_then(Value::as_array) {
            self.tuple.clone_from(tuple);
        }
    }

    fn choose(&mut self, choices: &[Value]) {
        self.choices = Some(match self.choices.take() {
            None => choices.to_vec(),
            Some(known) => known.into_iter().filter(|one| choices.contains(one)).collect(),
        });
    }

    /// The type that a value is made of, of those that are allowed.
    pub(super) fn kind(&self) -> &str {
        if let Some(types) = &self.types {
            let mut named = types.iter().map(String::as_str);
            let last = if types.is_empty() { "nothing" } else { "null" };
            return named.find(|one| *one != "null").unwrap_or(last);
        }
        if !self.properties.is_empty() || self.additional.is_some() || !self.required.is_empty() {
            "object"
        } else if self.items.is_some() || !self.tuple.is_empty() {
            "array"
        } else if self.low.is_some() || self.high.is_some() || self.step.is_some() {
            "number"
        } else if self.alternatives.is_empty() && self.patterns.is_empty() && self.format.is_none() {
            "any"
        } else {
            "string"
        }
    }

    /// Whether a type may be given; all may where none is named.
    pub(super) fn admits(&self, kind: &str) -> bool {
        self.types.as_ref().is_none_or(|types| types.iter().any(|one| one == kind))
    }
}
