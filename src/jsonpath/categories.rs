//! The general categories of Unicode as ranges of letters, which the library that runs patterns does not know.

use std::fmt::Write as _;
use std::sync::OnceLock;

use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup as Group};

/// The general categories of Unicode that may be named.
static CATEGORIES: [(&str, Group); 36] = [
    ("L", Group::Letter),
    ("Ll", Group::LowercaseLetter),
    ("Lm", Group::ModifierLetter),
    ("Lo", Group::OtherLetter),
    ("Lt", Group::TitlecaseLetter),
    ("Lu", Group::UppercaseLetter),
    ("M", Group::Mark),
    ("Mc", Group::SpacingMark),
    ("Me", Group::EnclosingMark),
    ("Mn", Group::NonspacingMark),
    ("N", Group::Number),
    ("Nd", Group::DecimalNumber),
    ("Nl", Group::LetterNumber),
    ("No", Group::OtherNumber),
    ("P", Group::Punctuation),
    ("Pc", Group::ConnectorPunctuation),
    ("Pd", Group::DashPunctuation),
    ("Pe", Group::ClosePunctuation),
    ("Pf", Group::FinalPunctuation),
    ("Pi", Group::InitialPunctuation),
    ("Po", Group::OtherPunctuation),
    ("Ps", Group::OpenPunctuation),
    ("Z", Group::Separator),
    ("Zl", Group::LineSeparator),
    ("Zp", Group::ParagraphSeparator),
    ("Zs", Group::SpaceSeparator),
    ("S", Group::Symbol),
    ("Sc", Group::CurrencySymbol),
    ("Sk", Group::ModifierSymbol),
    ("Sm", Group::MathSymbol),
    ("So", Group::OtherSymbol),
    ("C", Group::Other),
    ("Cc", Group::Control),
    ("Cf", Group::Format),
    ("Cn", Group::Unassigned),
    ("Co", Group::PrivateUse),
];

/// The letters of each category as ranges of a class, and all others, once they were asked for.
static LETTERS: [[OnceLock<Ranges>; 2]; CATEGORIES.len()] =
    [const { [const { OnceLock::new() }; 2] }; CATEGORIES.len()];

/// Ranges of a class.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    /// As they stand between the brackets.
    pub(super) text: String,
    pub(super) count: u64,
    /// Those that begin in ASCII.
    pub(super) ascii: u64,
}

/// The ranges of a category, or of all other letters, where there is one of that name.
pub(super) fn ranges(name: &str, is_complement: bool) -> Option<&'static Ranges> {
    let number = CATEGORIES.iter().position(|(known, _)| *known == name)?;
    let (group, known) = (CATEGORIES.get(number)?.1, LETTERS.get(number)?);
    Some(known.get(usize::from(is_complement))?.get_or_init(|| Ranges::of(group, is_complement)))
}

impl Ranges {
    /// The letters of a category, or all others.
    fn of(group: Group, is_complement: bool) -> Self {
        let mut ranges = Self::default();
        let mut next = 0;
        for range in CodePointMapData::<GeneralCategory>::new().iter_ranges_for_group(group) {
            let (first, end) = (*range.start(), range.end() + 1);
            let (first, end) = if is_complement { (next, first) } else { (first, end) };
            ranges.push(first, end);
            next = range.end() + 1;
        }
        if is_complement {
            ranges.push(next, u32::from(char::MAX) + 1);
        }
        ranges
    }

    /// A range up to what is not of it any more; without the halves of pairs of UTF-16, which are no letters.
    fn push(&mut self, first: u32, end: u32) {
        if first < end {
            let first = char::from_u32(first).unwrap_or('\u{e000}');
            let last = char::from_u32(end - 1).unwrap_or('\u{d7ff}');
            if first <= last {
                // Writing into a text cannot fail.
                let _ = write!(self.text, r"\x{{{:x}}}-\x{{{:x}}}", u32::from(first), u32::from(last));
                self.count += 1;
                self.ascii += u64::from(first.is_ascii());
            }
        }
    }
}
