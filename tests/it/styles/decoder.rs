//! Reads a serialised parameter back, written from the specification alone (`OpenAPI` 3.2 "Style Examples", RFC 6570
//! §3.2, RFC 6265 §4.2.1, WHATWG URL "application/x-www-form-urlencoded parsing"): a reader knows the parameter's
//! name, style and whether it is a list or an object, and nothing of the code that wrote it.

/// What a parameter said, as texts.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    Nothing,
    One(String),
    List(Vec<String>),
    Members(Vec<(String, String)>),
}

/// What the schema says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    One,
    List,
    Members,
}

/// How the bytes of a place become characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// `%XX` (RFC 3986 §2.1), with nothing bare but unreserved characters.
    Percent,
    /// `%XX`, and `+` for a space.
    Form,
    /// As they stand.
    Plain,
}

impl Coding {
    fn decode(self, text: &str) -> String {
        if self == Self::Plain {
            return text.to_owned();
        }
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            match byte {
                b'%' => {
                    let digits = [rest.next().expect("a digit"), rest.next().expect("a digit")];
                    let digits = std::str::from_utf8(&digits).expect("digits");
                    bytes.push(u8::from_str_radix(digits, 16).expect("hexadecimal digits"));
                }
                b'+' if self == Self::Form => bytes.push(b' '),
                byte => {
                    let is_unreserved = byte.is_ascii_alphanumeric() || b"-._~*".contains(&byte);
                    assert!(is_unreserved, "{byte} stands bare in {text}");
                    bytes.push(byte);
                }
            }
        }
        String::from_utf8(bytes).expect("UTF-8")
    }

    fn pair(self, text: &str) -> (String, String) {
        let (name, value) = text.split_once('=').unwrap_or_else(|| panic!("no pair: {text}"));
        (self.decode(name), self.decode(value))
    }
}

/// Name, style and shape of what is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) name: &'a str,
    pub(super) style: &'a str,
    pub(super) explode: bool,
    pub(super) shape: Shape,
    pub(super) coding: Coding,
}

impl Reader<'_> {
    /// The text of a path's segment, a header, a query string, a `Cookie` header or a form; empty where nothing was
    /// sent, but in headers, which tell an empty value from none.
    pub(super) fn read(&self, text: Option<&str>) -> Tree {
        let Some(text) = text else { return Tree::Nothing };
        match self.style {
            "simple" => self.expanded(text, ",", ","),
            "label" => {
                let inner = text.strip_prefix('.').expect("a label");
                self.expanded(inner, if self.explode { "." } else { "," }, ",")
            }
            "matrix" => self.matrix(text.strip_prefix(';').expect("a matrix")),
            "form" if text.is_empty() => Tree::Nothing,
            "form" => self.pairs(text.split('&').collect(), ","),
            "cookie" if self.explode => self.pairs(text.split("; ").collect(), ","),
            "cookie" => self.pairs(vec![text], ","),
            _ if text.is_empty() => Tree::Nothing,
            "spaceDelimited" => self.pairs(vec![text], if self.coding == Coding::Form { "+" } else { "%20" }),
            "pipeDelimited" => self.pairs(vec![text], "%7C"),
            other => panic!("no style: {other}"),
        }
    }

    /// Values without their parameter's name.
    fn expanded(&self, text: &str, separator: &str, joiner: &str) -> Tree {
        match self.shape {
            Shape::One => Tree::One(self.coding.decode(text)),
            Shape::List => Tree::List(text.split(separator).map(|item| self.coding.decode(item)).collect()),
            Shape::Members if self.explode => {
                Tree::Members(text.split(separator).map(|pair| self.coding.pair(pair)).collect())
            }
            Shape::Members => self.alternating(text, joiner),
        }
    }

    fn alternating(&self, text: &str, joiner: &str) -> Tree {
        let words: Vec<String> = text.split(joiner).map(|word| self.coding.decode(word)).collect();
        assert_eq!(words.len() % 2, 0, "a name without a value: {text}");
        Tree::Members(words.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect())
    }

    /// `;name=value`, and `;name` for an empty one.
    fn matrix(&self, text: &str) -> Tree {
        let pairs = text.split(';').map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (self.coding.decode(name), value)
        });
        let pairs: Vec<(String, &str)> = pairs.collect();
        if self.explode && self.shape == Shape::Members {
            let decoded = pairs.into_iter().map(|(name, value)| (name, self.coding.decode(value)));
            return Tree::Members(decoded.collect());
        }
        for (name, _) in &pairs {
            assert_eq!(name, self.name);
        }
        if self.explode && self.shape == Shape::List {
            return Tree::List(pairs.iter().map(|(_, value)| self.coding.decode(value)).collect());
        }
        assert_eq!(pairs.len(), 1, "{text}");
        self.not_exploded(pairs[0].1, ",")
    }

    /// Values with a name before each, or before all.
    fn pairs(&self, pairs: Vec<&str>, joiner: &str) -> Tree {
        if self.explode && self.shape == Shape::Members {
            return Tree::Members(pairs.into_iter().map(|pair| self.coding.pair(pair)).collect());
        }
        let named = pairs.into_iter().map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or_else(|| panic!("no pair: {pair}"));
            assert_eq!(self.coding.decode(name), self.name);
            value
        });
        let values: Vec<&str> = named.collect();
        if self.explode && self.shape == Shape::List {
            return Tree::List(values.into_iter().map(|value| self.coding.decode(value)).collect());
        }
        assert_eq!(values.len(), 1, "{values:?}");
        self.not_exploded(values[0], joiner)
    }

    fn not_exploded(&self, text: &str, joiner: &str) -> Tree {
        match self.shape {
            Shape::One => Tree::One(self.coding.decode(text)),
            Shape::List => Tree::List(text.split(joiner).map(|item| self.coding.decode(item)).collect()),
            Shape::Members => self.alternating(text, joiner),
        }
    }
}

/// A value that `deepObject` nests, as texts.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Deep {
    One(String),
    List(Vec<Deep>),
    Members(Vec<(String, Deep)>),
}

/// Reads `name[a][b]=1&name[c][]=2&name[d][0][e]=3`: a step that is empty or a number is one of a list, an empty
/// one always a new item, and a name that comes again has a list of values.
pub(super) fn deep(text: &str, name: &str, coding: Coding) -> Option<Deep> {
    let mut root = Node::default();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (path, value) = pair.split_once('=').expect("a pair");
        let path = path.replace("%5D", "");
        let mut steps = path.split("%5B");
        assert_eq!(coding.decode(steps.next().expect("a name")), name);
        let mut node = &mut root;
        for step in steps {
            node = node.below(coding.decode(step));
        }
        node.values.push(coding.decode(value));
    }
    root.into_deep()
}

#[derive(Default)]
struct Node {
    values: Vec<String>,
    below: Vec<(String, Node)>,
}

impl Node {
    fn below(&mut self, step: String) -> &mut Self {
        let known = self.below.iter().position(|(known, _)| *known == step && !step.is_empty());
        let place = known.unwrap_or_else(|| {
            self.below.push((step, Self::default()));
            self.below.len() - 1
        });
        &mut self.below[place].1
    }

    fn into_deep(self) -> Option<Deep> {
        if self.below.is_empty() {
            let mut values: Vec<Deep> = self.values.into_iter().map(Deep::One).collect();
            return match values.len() {
                0 | 1 => values.pop(),
                _ => Some(Deep::List(values)),
            };
        }
        assert!(self.values.is_empty(), "a value and members at one place");
        let is_list = self.below.iter().all(|(step, _)| step.bytes().all(|byte| byte.is_ascii_digit()));
        let below = self.below.into_iter().filter_map(|(step, node)| Some((step, node.into_deep()?)));
        Some(if is_list {
            Deep::List(below.map(|(_, one)| one).collect())
        } else {
            Deep::Members(below.collect())
        })
    }
}
