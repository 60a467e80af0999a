//! The question before a call that destroys something.

use std::io;

use crate::report::Failure;

/// Reads the answer to a question.
///
/// # Errors
/// Where it is no, or cannot be read.
pub(crate) fn confirmed(answers: &mut impl io::BufRead, question: &str) -> Result<(), Failure> {
    let mut answer = String::new();
    let read = answers.read_line(&mut answer);
    read.map_err(|error| Failure::io("reading the answer", error))?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::NotConfirmed(format!("{question} was not confirmed; nothing was sent"))),
    }
}

#[cfg(test)]
mod tests {
    use super::confirmed;

    #[test]
    fn only_yes_is_yes() {
        for answer in ["y\n", "yes\n", "Y", " YES \n"] {
            assert!(confirmed(&mut answer.as_bytes(), "DELETE a").is_ok(), "{answer}");
        }
        for answer in ["", "\n", "n\n", "no\n", "yep\n"] {
            let failure = confirmed(&mut answer.as_bytes(), "DELETE a").err();
            assert_eq!(failure.map(|failure| failure.exit_code()), Some(10), "{answer}");
        }
    }
}
