//! Makes large things where they stay.

/// Makes something in a box. What `Box::new` is given was made elsewhere, and is moved: a call's future or its request is
/// hundreds of bytes. Where the room is there before, each part is written to its place.
macro_rules! boxed {
    ($made:expr) => {
        Box::write(Box::new_uninit(), $made)
    };
}

pub(crate) use boxed;
