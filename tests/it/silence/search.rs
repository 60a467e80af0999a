//! Everything that was printed, and the search in it: one text stands in every secret, and it is looked for in every
//! spelling that a program may print it in.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use tracing_subscriber::fmt::MakeWriter;

/// What is about nothing else.
const OTHER: &str = "other";

/// Stands in every secret.
pub(super) const CANARY: &str = "cAnary/+=zQ7w~x";

/// A secret of this name.
pub(super) fn secret(name: &str) -> String {
    format!("{CANARY}.{name}")
}

/// The spellings of a text: plain, percent-encoded, base64 wherever it stands in a group of three bytes, hex, and as a
/// list of numbers.
pub(super) fn spellings(text: &str) -> Vec<String> {
    let encode = |keep: &[u8], space: &str, upper: bool| {
        let one = |byte: u8| match byte {
            b' ' => space.to_owned(),
            _ if byte.is_ascii_alphanumeric() || keep.contains(&byte) => char::from(byte).to_string(),
            _ if upper => format!("%{byte:02X}"),
            _ => format!("%{byte:02x}"),
        };
        text.bytes().map(one).collect::<String>()
    };
    let mut plain = vec![text.to_owned()];
    for upper in [false, true] {
        plain.extend([encode(b"-._~", "%20", upper), encode(b"*-._", "+", upper)]);
    }
    let mut all: Vec<String> =
        plain.iter().flat_map(|one| in_base64(one.as_bytes())).chain(plain.clone()).collect();
    all.extend(in_numbers(text.as_bytes()));
    all.push(text.replace('/', "\\/"));
    all.sort();
    all.dedup();
    all
}

/// The spellings of bytes that are no text: base64, hex, a list of numbers.
pub(super) fn spellings_of_bytes(bytes: &[u8]) -> Vec<String> {
    in_base64(bytes).into_iter().chain(in_numbers(bytes)).collect()
}

fn in_numbers(bytes: &[u8]) -> [String; 5] {
    let join = |separator: &str, one: &dyn Fn(u8) -> String| {
        bytes.iter().map(|byte| one(*byte)).collect::<Vec<_>>().join(separator)
    };
    [
        join("", &|byte| format!("{byte:02x}")),
        join("", &|byte| format!("{byte:02X}")),
        join(" ", &|byte| format!("{byte:02x}")),
        join("\\x", &|byte| format!("{byte:02x}")),
        join(", ", &|byte| byte.to_string()),
    ]
}

/// What is the same in base64 whatever stands before and after.
fn in_base64(text: &[u8]) -> Vec<String> {
    let mut all = Vec::new();
    for before in 0..3 {
        let bytes = [&vec![0; before], text].concat();
        let (start, end) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        for engine in [&STANDARD, &URL_SAFE] {
            all.push(engine.encode(&bytes)[start..end].to_owned());
        }
    }
    all
}

/// A search for many texts at once (Aho and Corasick): its time does not grow with their number.
struct Automaton {
    /// The next state for each state and byte.
    next: Vec<[u32; 256]>,
    /// Which text ends at a state, by its number from 1.
    found: Vec<u32>,
}

impl Automaton {
    fn of(texts: &[String]) -> Self {
        let mut automaton = Self { next: vec![[0; 256]], found: vec![0] };
        for (number, text) in texts.iter().enumerate() {
            let mut state = 0;
            for byte in text.bytes() {
                let next = automaton.next[state][usize::from(byte)];
                state = if next == 0 { automaton.grow(state, byte) } else { next as usize };
            }
            automaton.found[state] = u32::try_from(number + 1).unwrap();
        }
        automaton.link();
        automaton
    }

    fn grow(&mut self, state: usize, byte: u8) -> usize {
        let new = self.next.len();
        self.next[state][usize::from(byte)] = u32::try_from(new).unwrap();
        self.next.push([0; 256]);
        self.found.push(0);
        new
    }

    /// Where a text cannot go on, the longest end of what was read that begins a text does.
    fn link(&mut self) {
        let mut fallback = vec![0_usize; self.next.len()];
        let mut open: VecDeque<usize> =
            self.next[0].iter().filter(|next| **next > 0).map(|next| *next as usize).collect();
        while let Some(state) = open.pop_front() {
            let below = fallback[state];
            if self.found[state] == 0 {
                self.found[state] = self.found[below];
            }
            for byte in 0..256 {
                let (next, other) = (self.next[state][byte] as usize, self.next[below][byte]);
                if next == 0 {
                    self.next[state][byte] = other;
                } else {
                    fallback[next] = other as usize;
                    open.push_back(next);
                }
            }
        }
    }
}

/// Everything that was printed; it is searched while it comes.
#[derive(Clone)]
pub(super) struct Printed(Arc<Mutex<Search>>);

struct Search {
    texts: Vec<String>,
    automaton: Automaton,
    state: usize,
    /// The last bytes, to tell where a secret was found.
    last: VecDeque<u8>,
    /// What the text is about that comes now.
    kind: &'static str,
    /// So many bytes came for each kind.
    lengths: BTreeMap<&'static str, u64>,
    hits: Vec<String>,
}

impl Printed {
    /// A search for the canary, and for further secrets that cannot hold it.
    pub(super) fn with(more: &[String]) -> Self {
        let texts: Vec<_> = spellings(CANARY).into_iter().chain(more.iter().cloned()).collect();
        let automaton = Automaton::of(&texts);
        Self(Arc::new(Mutex::new(Search {
            texts,
            automaton,
            state: 0,
            last: VecDeque::new(),
            kind: OTHER,
            lengths: BTreeMap::new(),
            hits: Vec::new(),
        })))
    }

    pub(super) fn add(&self, text: impl AsRef<[u8]>) {
        let mut search = self.0.lock().unwrap();
        let kind = search.kind;
        search.read(text.as_ref(), kind);
    }

    /// What comes from elsewhere meanwhile; it is searched, and counts for no kind that is turned to.
    pub(super) fn add_aside(&self, text: impl AsRef<[u8]>) {
        self.0.lock().unwrap().read(text.as_ref(), OTHER);
    }

    /// What comes from now on is about this.
    pub(super) fn turn_to(&self, kind: &'static str) {
        self.0.lock().unwrap().kind = kind;
    }

    pub(super) fn length(&self) -> u64 {
        self.0.lock().unwrap().lengths.values().sum()
    }

    /// So many bytes came for a kind.
    pub(super) fn length_of(&self, kind: &'static str) -> u64 {
        self.0.lock().unwrap().lengths.get(kind).copied().unwrap_or(0)
    }

    /// Each kind with its length, such as `tls 5.2 MB`.
    pub(super) fn figures(&self) -> String {
        let tenths = |length: u64| format!("{}.{}", length / 1_000_000, length / 100_000 % 10);
        let lengths = &self.0.lock().unwrap().lengths;
        let each: Vec<_> =
            lengths.iter().map(|(kind, length)| format!("{kind} {}", tenths(*length))).collect();
        format!("{} MB of printed text ({})", tenths(lengths.values().sum()), each.join(", "))
    }

    pub(super) fn hits(&self) -> Vec<String> {
        self.0.lock().unwrap().hits.clone()
    }

    #[track_caller]
    pub(super) fn assert_silent(&self, least: u64) {
        let (length, hits) = (self.length(), self.hits());
        assert!(hits.is_empty(), "{} secrets were printed:\n{}", hits.len(), hits.join("\n\n"));
        assert!(length >= least, "too little was printed to prove anything: {length} bytes");
    }
}

impl Search {
    fn read(&mut self, bytes: &[u8], kind: &'static str) {
        *self.lengths.entry(kind).or_default() += bytes.len() as u64;
        for &byte in bytes {
            self.state = self.automaton.next[self.state][usize::from(byte)] as usize;
            if self.automaton.found[self.state] > 0 && self.hits.len() < 10 {
                let text = &self.texts[self.automaton.found[self.state] as usize - 1];
                let before = String::from_utf8_lossy(self.last.make_contiguous()).into_owned();
                self.hits.push(format!("{kind}: as {text:?} after ...{before}"));
            }
            if self.last.len() == 400 {
                self.last.pop_front();
            }
            self.last.push_back(byte);
        }
        // Texts that are printed one after the other are not one text.
        self.state = 0;
    }
}

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Printed {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn every_spelling_is_found() {
    for spelling in spellings(CANARY) {
        let printed = Printed::with(&[]);
        printed.add(format!("some text {spelling} and more"));
        assert_eq!(printed.hits().len(), 1, "{spelling}");
    }
    for before in ["", "a", "ab", "abc", "user:"] {
        for after in ["", ".", "..", "..."] {
            for engine in [&STANDARD, &URL_SAFE] {
                let printed = Printed::with(&[]);
                printed.add(engine.encode(format!("{before}{}{after}", secret("x"))));
                assert!(!printed.hits().is_empty(), "{before} {after}");
            }
        }
    }
    let printed = Printed::with(&["another".to_owned()]);
    printed.add(format!("{:?}", CANARY.as_bytes()));
    printed.add("anothe another");
    printed.add(&CANARY[1..]);
    printed.add(&CANARY[..CANARY.len() - 1]);
    assert_eq!(printed.hits().len(), 2);
}
