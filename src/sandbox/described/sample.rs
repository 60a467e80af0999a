//! Scalars that fit a schema: by what it fixes, its format, pattern and bounds.

use serde_json::{Map, Value, json};

/// What a schema fixes: a constant, or the first of its choices that is not null, in the type that is named beside
/// them: descriptions put the choices of an array's items on the array, and write those of a string as numbers.
pub(super) fn fixed(schema: &Map<String, Value>) -> Option<Value> {
    if let Some(constant) = schema.get("const") {
        return Some(constant.clone());
    }
    let choices = schema.get("enum")?.as_array()?;
    let choice = choices.iter().find(|choice| !choice.is_null()).or(choices.first())?;
    match kind(schema) {
        "array" if schema.contains_key("type") && !choice.is_array() => {
            let item = schema.get("items").and_then(Value::as_object);
            let is_text = item.is_none_or(|item| kind(item) == "string");
            (is_text == choice.is_string()).then(|| json!([choice]))
        }
        "string" if choice.is_number() => Some(json!(choice.to_string())),
        _ => Some(choice.clone()),
    }
}

/// The type to make: the first one that is named and is not null, else what the keywords hint at.
pub(super) fn kind(schema: &Map<String, Value>) -> &str {
    let named = super::judge::types(schema);
    match named.iter().find(|word| **word != "null").or(named.first()) {
        Some(word) => word,
        None if schema.contains_key("items") => "array",
        None if schema.contains_key("format") || schema.contains_key("pattern") => "string",
        None => "object",
    }
}

pub(super) fn count(schema: &Map<String, Value>, name: &str) -> Option<usize> {
    schema.get(name).and_then(Value::as_u64).and_then(|count| usize::try_from(count).ok())
}

/// A scalar of a type.
pub(super) fn scalar(kind: &str, schema: &Map<String, Value>, name: &str) -> Value {
    match kind {
        "boolean" => json!(true),
        "integer" => json!(integer(schema, name)),
        "number" => number(schema),
        "null" => Value::Null,
        _ => Value::String(text(schema, name)),
    }
}

/// 1, or the nearest number that the bounds admit; an `offset` starts at 0.
fn integer(schema: &Map<String, Value>, name: &str) -> i64 {
    let (least, most) = bounds(schema);
    let wanted = if name == "offset" { 0.0 } else { 1.0 };
    let step = schema.get("multipleOf").and_then(Value::as_f64).filter(|step| *step > 0.0).unwrap_or(1.0);
    let inside = least.map_or(wanted, |least| f64::max(wanted, least));
    let inside = most.map_or(inside, |most| f64::min(inside, most));
    let stepped = (inside / step).ceil() * step;
    let fitting =
        if most.is_some_and(|most| stepped > most) { (inside / step).floor() * step } else { stepped };
    #[allow(clippy::cast_possible_truncation, reason = "a bound beyond 64 bits saturates")]
    let whole = fitting as i64;
    whole
}

fn number(schema: &Map<String, Value>) -> Value {
    let (least, most) = bounds(schema);
    let inside = least.map_or(1.0, |least| f64::max(1.0, least));
    json!(most.map_or(inside, |most| f64::min(inside, most)))
}

/// The least and the greatest number; a bound that is excluded is moved by one.
fn bounds(schema: &Map<String, Value>) -> (Option<f64>, Option<f64>) {
    let number = |name: &str| schema.get(name).and_then(Value::as_f64);
    let excluded = |name: &str| if schema.get(name) == Some(&Value::Bool(true)) { 1.0 } else { 0.0 };
    let least = number("minimum").map(|least| least + excluded("exclusiveMinimum"));
    let most = number("maximum").map(|most| most - excluded("exclusiveMaximum"));
    (
        least.or_else(|| number("exclusiveMinimum").map(|least| least + 1.0)),
        most.or_else(|| number("exclusiveMaximum").map(|most| most - 1.0)),
    )
}

/// By pattern, by format, else the name of what it belongs to, cut or filled to the length.
fn text(schema: &Map<String, Value>, name: &str) -> String {
    let pattern = schema.get("pattern").and_then(Value::as_str);
    if let Some(matching) = pattern.and_then(matching) {
        return matching;
    }
    let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
    let text = by_format(format).unwrap_or(name);
    let least = count(schema, "minLength").unwrap_or(0);
    let most = count(schema, "maxLength").unwrap_or(usize::MAX);
    text.chars()
        .chain(std::iter::repeat_n('x', least))
        .take(text.chars().count().max(least).min(most))
        .collect()
}

fn by_format(format: &str) -> Option<&'static str> {
    Some(match format {
        "date-time" => "2025-01-01T00:00:00Z",
        "date" => "2025-01-01",
        "time" => "00:00:00Z",
        "duration" => "PT1H",
        "uuid" => "00000000-0000-4000-8000-000000000001",
        "email" => "user@example.com",
        "hostname" => "host.example.com",
        "ipv4" | "ip" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "uri" | "url" => "https://example.com/",
        "byte" => "c2FuZGJveA==",
        _ => return None,
    })
}

/// A text that matches a pattern of the plain kind: literals, classes, groups, counts. `None` where it is another.
fn matching(pattern: &str) -> Option<String> {
    let signs: Vec<char> = pattern.chars().collect();
    let mut reader = Reader { signs: &signs, at: 0 };
    let text = reader.choice()?;
    let regex = regex_lite::Regex::new(pattern).ok()?;
    (reader.at == signs.len() && regex.is_match(&text)).then_some(text)
}

/// Reads a pattern and writes the shortest text of its first branches.
struct Reader<'p> {
    signs: &'p [char],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.signs.get(self.at).copied()
    }

    fn take(&mut self) -> Option<char> {
        let sign = self.peek();
        self.at += 1;
        sign
    }

    /// The first of the branches between `|`.
    fn choice(&mut self) -> Option<String> {
        let first = self.branch()?;
        while self.peek() == Some('|') {
            self.at += 1;
            self.branch()?;
        }
        Some(first)
    }

    fn branch(&mut self) -> Option<String> {
        let mut text = String::new();
        while let Some(sign) = self.peek().filter(|sign| !matches!(sign, '|' | ')')) {
            if matches!(sign, '^' | '$') {
                self.at += 1;
                continue;
            }
            let one = self.one()?;
            text.push_str(&one.repeat(self.times()?));
        }
        Some(text)
    }

    fn one(&mut self) -> Option<String> {
        match self.take()? {
            '(' => {
                if self.peek() == Some('?') {
                    self.at += 2;
                }
                let inner = self.choice()?;
                (self.take()? == ')').then_some(inner)
            }
            '[' => self.class(),
            '\\' => Some(escaped(self.take()?).to_string()),
            '.' => Some("x".to_owned()),
            literal => Some(literal.to_string()),
        }
    }

    /// The first member of a class; a negated one is beyond this.
    fn class(&mut self) -> Option<String> {
        let first = match self.take()? {
            '^' => return None,
            '\\' => escaped(self.take()?),
            literal => literal,
        };
        while self.take()? != ']' {}
        Some(first.to_string())
    }

    /// How often the last one stands: the fewest times, but once for `*` and `?`.
    fn times(&mut self) -> Option<usize> {
        match self.peek() {
            Some('*' | '?' | '+') => {
                self.at += 1;
                Some(1)
            }
            Some('{') => {
                self.at += 1;
                let mut digits = String::new();
                let mut is_first = true;
                loop {
                    match self.take()? {
                        '}' => return digits.parse().ok(),
                        ',' => is_first = false,
                        digit if is_first => digits.push(digit),
                        _ => {}
                    }
                }
            }
            _ => Some(1),
        }
    }
}

fn escaped(sign: char) -> char {
    match sign {
        'd' => '1',
        'w' => 'w',
        's' => ' ',
        literal => literal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_met() {
        for (pattern, text) in [
            (r"^\d{1,4}$", "1"),
            (r"^[0-9a-z-]{4}$", "0000"),
            (r"^(true|false)$", "true"),
            (r"^[a-z]{2}(?:-gov)?-[a-z]+-\d+$", "aa-gov-a-1"),
            (r"^arn:aws:iam::\d{12}:role/.+", "arn:aws:iam::111111111111:role/x"),
        ] {
            assert_eq!(matching(pattern).as_deref(), Some(text), "{pattern}");
        }
        assert_eq!(matching("^[^a]$"), None);
    }
}
