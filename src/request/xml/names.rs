//! Which characters XML carries, and which make a name (XML 1.0, Fifth Edition, §2.2 and §2.3).

/// Whether a document may hold the character (`Char`).
pub(super) fn is_character(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Whether a text is a name (`Name`).
pub(super) fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(is_start) && letters.all(|letter| is_start(letter) || is_further(letter))
}

fn is_start(letter: char) -> bool {
    matches!(
        letter,
        ':' | 'A'..='Z' | '_' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
            | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
            | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}'
            | '\u{10000}'..='\u{effff}'
    )
}

fn is_further(letter: char) -> bool {
    matches!(letter, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

#[cfg(test)]
mod tests {
    use super::{is_character, is_name};

    #[test]
    fn names_and_characters_are_those_of_xml() {
        for name in ["a", "_a-1.b", "smp:id", "größe", "名"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "1a", "-a", "a b", "a<", "a\u{0}"] {
            assert!(!is_name(name), "{name}");
        }
        assert!("\t\n\r é\u{10ffff}".chars().all(is_character));
        assert!("\u{0}\u{b}\u{1f}\u{fffe}\u{ffff}".chars().all(|letter| !is_character(letter)));
    }
}
