//! The one way to standard output, and what stands between bytes and a terminal.
//!
//! Into a pipe go bytes as they are; on a terminal JSON is indented and control characters are escaped, so that
//! no answer can move the cursor or set a title.

mod guard;
mod json;

pub(crate) use guard::guarded;
pub(crate) use json::{Layout, compact, is_json, layout};

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, BufWriter, IsTerminal, Write};

use anstyle::{AnsiColor, Style};

use crate::args::ColorWhen;

/// What is known of the two output streams.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Screen {
    /// Standard output is a terminal.
    pub(crate) is_terminal: bool,
    /// Standard output takes colours.
    pub(crate) color: bool,
    /// Standard error takes colours.
    pub(crate) error_color: bool,
}

impl Screen {
    /// Looks at the streams, the option and the environment.
    pub(crate) fn new(when: ColorWhen, variable: impl Fn(&str) -> Option<String>) -> Self {
        let is_terminal = io::stdout().is_terminal();
        Self {
            is_terminal,
            color: wants_color(when, is_terminal, &variable),
            error_color: wants_color(when, io::stderr().is_terminal(), &variable),
        }
    }

    /// The style of the word `error`; plain where standard error takes no colours.
    pub(crate) fn alarm(self) -> Style {
        if self.error_color { AnsiColor::Red.on_default().bold() } else { Style::new() }
    }

    /// The style of words before help; plain where standard error takes no colours.
    pub(crate) fn help(self) -> Style {
        if self.error_color { AnsiColor::Cyan.on_default() } else { Style::new() }
    }

    /// The style of headings on standard output.
    pub(crate) fn heading(self) -> Style {
        if self.color { Style::new().bold() } else { Style::new() }
    }

    /// How JSON is laid out here.
    pub(crate) fn json(self) -> Layout {
        Layout { indent: self.is_terminal, color: self.color, escape: self.is_terminal }
    }

    /// Locked, buffered standard output.
    pub(crate) fn out(self) -> Out {
        let choice =
            if self.color { anstream::ColorChoice::AlwaysAnsi } else { anstream::ColorChoice::Never };
        let lock = io::stdout().lock();
        let sink: Box<dyn Write> = match choice {
            // Stripping would change bytes that only look like colours.
            anstream::ColorChoice::Never => Box::new(lock),
            choice => Box::new(anstream::AutoStream::new(lock, choice)),
        };
        let sink: Box<dyn Write> = if self.is_terminal { Box::new(guard::Guard::new(sink)) } else { sink };
        Out(BufWriter::with_capacity(64 << 10, sink))
    }
}

/// Locked, buffered standard output. Call [`Write::flush`] at the end: what `drop` cannot write is lost.
pub(crate) struct Out(BufWriter<Box<dyn Write>>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A number with its noun: `1 operation`, `2 operations`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// A text in a style.
pub(crate) fn paint(text: &str, style: Style) -> String {
    format!("{style}{text}{style:#}")
}

/// The option decides, then `NO_COLOR`, `CLICOLOR_FORCE` and `TERM=dumb`, then whether there is a terminal.
fn wants_color(when: ColorWhen, is_terminal: bool, variable: &impl Fn(&str) -> Option<String>) -> bool {
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty() && value != "0");
    match when {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto if variable("NO_COLOR").is_some_and(|value| !value.is_empty()) => false,
        ColorWhen::Auto if is_set("CLICOLOR_FORCE") => true,
        ColorWhen::Auto => is_terminal && variable("TERM").is_none_or(|term| term != "dumb"),
    }
}

/// The text with control characters (C0, DEL, C1; line feed and tab excepted) made visible.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    let is_harmful = |one: char| one.is_control() && one != '\n' && one != '\t';
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    while let Some(one) = rest.next() {
        let ends_line = one == '\r' && rest.peek() == Some(&'\n');
        if is_harmful(one) && !ends_line {
            // Writing to a string cannot fail.
            let _ = write!(shown, "\\x{:02x}", u32::from(one));
        } else if !ends_line {
            shown.push(one);
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::{escape, wants_color};
    use crate::args::ColorWhen;

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(escape("plain\ttext\r\nö"), "plain\ttext\nö".replace('\n', "\r\n").replace("\r\n", "\n"));
        assert_eq!(escape("\u{1b}[2J\u{9b}2J\u{7f}\r"), r"\x1b[2J\x9b2J\x7f\x0d");
        assert!(matches!(escape("plain"), std::borrow::Cow::Borrowed(_)));
    }

    #[test]
    fn colour_is_decided_in_order() {
        let decide = |when, terminal, set: &[(&str, &str)]| {
            let variable =
                |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            wants_color(when, terminal, &variable)
        };
        assert!(decide(ColorWhen::Always, false, &[("NO_COLOR", "1")]));
        assert!(!decide(ColorWhen::Never, true, &[("CLICOLOR_FORCE", "1")]));
        assert!(!decide(ColorWhen::Auto, true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]));
        assert!(decide(ColorWhen::Auto, true, &[("NO_COLOR", "")]));
        assert!(decide(ColorWhen::Auto, false, &[("CLICOLOR_FORCE", "1")]));
        assert!(!decide(ColorWhen::Auto, false, &[("CLICOLOR_FORCE", "0")]));
        assert!(!decide(ColorWhen::Auto, true, &[("TERM", "dumb")]));
        assert!(decide(ColorWhen::Auto, true, &[("TERM", "xterm")]));
        assert!(!decide(ColorWhen::Auto, false, &[]));
    }
}
