//! Compiles `specs/`; a document that is at fault fails the build.

fn main() -> Result<(), opcall::build::BuildError> {
    opcall::build::compile("specs")
}
