//! Header fields that are no parameter of a call, whatever a document says.

/// Whether the document says elsewhere what the field holds; then a parameter of the name counts for nothing
/// (`OpenAPI` Parameter Object, `name`).
pub(crate) fn is_said_elsewhere(name: &str) -> bool {
    is_one_of(name, &["accept", "content-type", "authorization"])
}

/// Whether the field is the connection's or the message's length (RFC 9110 §7.2, §7.6.1, §8.6): the HTTP client sets it,
/// and a second opinion on it would make another message of the one that is shown.
pub(crate) fn is_of_client(name: &str) -> bool {
    const OF_CLIENT: [&str; 10] = [
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "upgrade",
        "te",
        "trailer",
        "expect",
        "keep-alive",
        "proxy-connection",
    ];
    is_one_of(name, &OF_CLIENT)
}

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|one| one.eq_ignore_ascii_case(name))
}
