//! A part of the Falcon Query Language: parser and evaluation.
//!
//! `field:'v'`, `field:!'v'`, `field:*'*x*'`, `field:['a','b']`, `>` `>=` `<` `<=` on times, `null` for absent times,
//! `!` before a test or a group, `+` for and, `,` for or, parentheses; `+` binds tighter than `,`.

use crate::sandbox::clock::parse_time;

/// One field of a row: its name, its kind, and how it is read at a moment.
pub(super) struct Column<T> {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) read: fn(&T, i64) -> Cell,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Time,
}

/// A field's value; an absent time sorts first and fits no comparison.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cell {
    Text(String),
    Time(Option<i64>),
}

/// A parsed filter.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Filter {
    /// No filter.
    All,
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    Test {
        field: String,
        operator: Operator,
        /// Any of them; `None` is `null`.
        values: Vec<Option<String>>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    Wildcard,
    More,
    AtLeast,
    Less,
    AtMost,
}

impl Filter {
    /// Whether all it names is there and of the right kind.
    pub(super) fn check<T>(&self, columns: &[Column<T>]) -> Result<(), String> {
        match self {
            Self::All => Ok(()),
            Self::And(parts) | Self::Or(parts) => parts.iter().try_for_each(|part| part.check(columns)),
            Self::Not(part) => part.check(columns),
            Self::Test { field, operator, values } => {
                let column = columns.iter().find(|column| column.name == field);
                let column = column.ok_or_else(|| format!("{field} is no field to filter by"))?;
                check_test(field, column.kind, *operator, values)
            }
        }
    }

    /// Whether a row passes at this moment.
    pub(super) fn admits<T>(&self, row: &T, columns: &[Column<T>], now: i64) -> bool {
        match self {
            Self::All => true,
            Self::And(parts) => parts.iter().all(|part| part.admits(row, columns, now)),
            Self::Or(parts) => parts.iter().any(|part| part.admits(row, columns, now)),
            Self::Not(part) => !part.admits(row, columns, now),
            Self::Test { field, operator, values } => columns
                .iter()
                .find(|column| column.name == field)
                .map(|column| (column.read)(row, now))
                .is_some_and(|cell| values.iter().any(|value| fits(&cell, *operator, value.as_deref()))),
        }
    }
}

fn check_test(field: &str, kind: Kind, operator: Operator, values: &[Option<String>]) -> Result<(), String> {
    match (kind, operator) {
        (Kind::Text, Operator::Equal | Operator::Wildcard) => Ok(()),
        (Kind::Text, _) => Err(format!("{field} is no time, so it takes no comparison")),
        (Kind::Time, Operator::Wildcard) => Err(format!("{field} is a time, so it takes no wildcard")),
        (Kind::Time, _) => match values.iter().flatten().find(|value| moment(value).is_none()) {
            Some(value) => Err(format!("'{value}' is no time for {field}")),
            None => Ok(()),
        },
    }
}

/// A time, or the start of a day.
fn moment(text: &str) -> Option<i64> {
    parse_time(text).or_else(|| parse_time(&format!("{text}T00:00:00Z")))
}

fn fits(cell: &Cell, operator: Operator, value: Option<&str>) -> bool {
    match (cell, value) {
        (Cell::Text(text), Some(value)) if operator == Operator::Wildcard => matches_wildcard(value, text),
        (Cell::Text(text), Some(value)) => text == value,
        (Cell::Time(time), None) => operator == Operator::Equal && time.is_none(),
        (Cell::Time(Some(time)), Some(value)) => moment(value).is_some_and(|value| match operator {
            Operator::Equal | Operator::Wildcard => *time == value,
            Operator::More => *time > value,
            Operator::AtLeast => *time >= value,
            Operator::Less => *time < value,
            Operator::AtMost => *time <= value,
        }),
        (Cell::Text(_), None) | (Cell::Time(None), Some(_)) => false,
    }
}

/// Whether a text fits a pattern in which `*` stands for any text.
fn matches_wildcard(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let middle: Vec<&str> = parts.collect();
    let Some((last, middle)) = middle.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(place) => rest = &rest[place + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// How deep parentheses may stand in each other.
const DEEPEST: usize = 32;

/// Reads a filter; the empty text is no filter.
pub(super) fn parse(text: &str) -> Result<Filter, String> {
    if text.trim().is_empty() {
        return Ok(Filter::All);
    }
    let mut parser = Parser { text, at: 0, depth: 0 };
    let filter = parser.any()?;
    parser.space();
    if parser.at == text.len() { Ok(filter) } else { Err(parser.expected("the end, + or ,")) }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, sign: &str) -> bool {
        self.space();
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len();
        }
        found
    }

    fn expected(&self, what: &str) -> String {
        format!("expected {what} at character {}", self.text[..self.at].chars().count() + 1)
    }

    fn any(&mut self) -> Result<Filter, String> {
        let mut parts = vec![self.all()?];
        while self.eat(",") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::Or(parts) })
    }

    fn all(&mut self) -> Result<Filter, String> {
        let mut parts = vec![self.one()?];
        while self.eat("+") {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::And(parts) })
    }

    fn one(&mut self) -> Result<Filter, String> {
        if self.eat("!") {
            return Ok(Filter::Not(Box::new(self.group_or_test()?)));
        }
        self.group_or_test()
    }

    fn group_or_test(&mut self) -> Result<Filter, String> {
        if !self.eat("(") {
            return self.test();
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("parentheses stand too deep".to_owned());
        }
        let inner = self.any()?;
        self.depth -= 1;
        if self.eat(")") { Ok(inner) } else { Err(self.expected(")")) }
    }

    fn test(&mut self) -> Result<Filter, String> {
        let field = self.field()?;
        if !self.eat(":") {
            return Err(self.expected(":"));
        }
        let negated = self.eat("!");
        let operator = self.operator();
        let values = self.values()?;
        let test = Filter::Test { field, operator, values };
        Ok(if negated { Filter::Not(Box::new(test)) } else { test })
    }

    fn field(&mut self) -> Result<String, String> {
        self.space();
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        let length = self.rest().bytes().take_while(is_name).count();
        if length == 0 {
            return Err(self.expected("a field"));
        }
        let name = self.rest()[..length].to_owned();
        self.at += length;
        Ok(name)
    }

    fn operator(&mut self) -> Operator {
        const SIGNS: [(&str, Operator); 5] = [
            (">=", Operator::AtLeast),
            ("<=", Operator::AtMost),
            (">", Operator::More),
            ("<", Operator::Less),
            ("*", Operator::Wildcard),
        ];
        SIGNS.into_iter().find(|(sign, _)| self.eat(sign)).map_or(Operator::Equal, |(_, operator)| operator)
    }

    fn values(&mut self) -> Result<Vec<Option<String>>, String> {
        if !self.eat("[") {
            return Ok(vec![self.value()?]);
        }
        let mut values = vec![self.value()?];
        while self.eat(",") {
            values.push(self.value()?);
        }
        if self.eat("]") { Ok(values) } else { Err(self.expected("]")) }
    }

    fn value(&mut self) -> Result<Option<String>, String> {
        if self.eat("null") {
            return Ok(None);
        }
        if !self.eat("'") {
            return Err(self.expected("a value in single quotes"));
        }
        let mut value = String::new();
        let mut signs = self.rest().char_indices();
        while let Some((place, sign)) = signs.next() {
            match sign {
                '\'' => {
                    self.at += place + 1;
                    return Ok(Some(value));
                }
                '\\' => value.extend(signs.next().map(|(_, escaped)| escaped)),
                other => value.push(other),
            }
        }
        Err("a quote is not closed".to_owned())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    type Row = (&'static str, &'static str, Option<i64>);

    const COLUMNS: &[Column<Row>] = &[
        Column { name: "label", kind: Kind::Text, read: |row, _| Cell::Text(row.0.to_owned()) },
        Column { name: "status", kind: Kind::Text, read: |row, _| Cell::Text(row.1.to_owned()) },
        Column { name: "expires", kind: Kind::Time, read: |row, _| Cell::Time(row.2) },
    ];

    const ROWS: [Row; 4] = [
        ("build", "valid", None),
        ("laptops, Berlin", "revoked", Some(1_735_689_600_000)),
        ("it's", "valid", Some(1_735_776_000_000)),
        ("lab", "expired", Some(0)),
    ];

    fn found(text: &str) -> Vec<&'static str> {
        let filter = parse(text).unwrap();
        filter.check(COLUMNS).unwrap();
        ROWS.iter().filter(|row| filter.admits(*row, COLUMNS, 0)).map(|row| row.0).collect()
    }

    fn problem(text: &str) -> String {
        parse(text).and_then(|filter| filter.check(COLUMNS)).unwrap_err()
    }

    #[test]
    fn tests_and_their_negations() {
        assert_eq!(found(""), ["build", "laptops, Berlin", "it's", "lab"]);
        assert_eq!(found("status:'valid'"), ["build", "it's"]);
        assert_eq!(found("status:!'valid'"), ["laptops, Berlin", "lab"]);
        assert_eq!(found("!status:'valid'"), ["laptops, Berlin", "lab"]);
        assert_eq!(found("label:'it\\'s'"), ["it's"]);
        assert_eq!(found("status:['revoked', 'expired']"), ["laptops, Berlin", "lab"]);
    }

    #[test]
    fn wildcards() {
        assert_eq!(found("label:*'la*'"), ["laptops, Berlin", "lab"]);
        assert_eq!(found("label:*'*b*'"), ["build", "lab"]);
        assert_eq!(found("label:*'l*b'"), ["lab"]);
        assert_eq!(found("label:*'lab'"), ["lab"]);
        assert_eq!(found("label:!*'*'"), Vec::<&str>::new());
        assert!(!matches_wildcard("a*a", "a"));
    }

    #[test]
    fn times_compare_and_absent_ones_do_not() {
        assert_eq!(found("expires:>'2025-01-01T00:00:00Z'"), ["it's"]);
        assert_eq!(found("expires:>='2025-01-01'"), ["laptops, Berlin", "it's"]);
        assert_eq!(found("expires:<'2025-01-01T00:00:00Z'"), ["lab"]);
        assert_eq!(found("expires:<='2025-01-02T00:00:00Z'"), ["laptops, Berlin", "it's", "lab"]);
        assert_eq!(found("expires:null"), ["build"]);
    }

    #[test]
    fn and_binds_tighter_than_or() {
        assert_eq!(found("status:'expired',status:'valid'+label:'build'"), ["build", "lab"]);
        assert_eq!(found("(status:'expired',status:'valid')+label:'build'"), ["build"]);
        assert_eq!(found("!(status:'expired' , status:'valid')"), ["laptops, Berlin"]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        assert_eq!(problem("status"), "expected : at character 7");
        assert_eq!(problem("status:valid"), "expected a value in single quotes at character 8");
        assert_eq!(problem("status:'valid"), "a quote is not closed");
        assert_eq!(problem("(status:'valid'"), "expected ) at character 16");
        assert_eq!(problem("status:'valid' label:'x'"), "expected the end, + or , at character 16");
        assert_eq!(problem("state:'valid'"), "state is no field to filter by");
        assert_eq!(problem("label:>'a'"), "label is no time, so it takes no comparison");
        assert_eq!(problem("expires:>'soon'"), "'soon' is no time for expires");
        assert_eq!(problem("expires:*'2025*'"), "expires is a time, so it takes no wildcard");
        assert_eq!(problem(&format!("{}status:'a'", "(".repeat(40))), "parentheses stand too deep");
    }
}
