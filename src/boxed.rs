//! Makes large things where they stay.

/// Makes something in a box. `Box::new` takes what was made elsewhere, and a call's future or its request is hundreds of
/// bytes that would be moved; where the room is there before, each part is written to its place.
pub(crate) fn boxed<T>(make: impl FnOnce() -> T) -> Box<T> {
    Box::write(Box::new_uninit(), make())
}
