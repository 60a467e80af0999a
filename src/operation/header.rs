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

/// Whether the field carries credentials by its definition (RFC 9110 §11.6.2, §11.7.2).
#[allow(dead_code, reason = "reading a document needs none of it")]
pub(crate) fn is_authorization(name: &str) -> bool {
    is_one_of(name, &["authorization", "proxy-authorization"])
}

/// Whether the field carries a credential by its definition or by its name, as services commonly call it. No word of a
/// document is needed: it is about fields that a caller gives by hand, and about those of answers.
#[allow(dead_code, reason = "reading a document needs none of it")]
pub(crate) fn is_secret(name: &str) -> bool {
    const NAMES: [&str; 2] = ["api-key", "token"];
    const ENDS: [&str; 12] = [
        "-api-key",
        "apikey",
        "-auth-key",
        "-access-key",
        "-functions-key",
        "-master-key",
        "-subscription-key",
        "rapidapi-key",
        "-secret",
        "-password",
        "-passphrase",
        "-authorization",
    ];
    /// Words before `-token` with which it marks a place in a list, or a repeat.
    const HARMLESS: [&str; 17] = [
        "after",
        "change",
        "client",
        "continuation",
        "cursor",
        "delta",
        "idempotency",
        "lock",
        "next",
        "page",
        "pagination",
        "request",
        "resume",
        "scroll",
        "skip",
        "start",
        "sync",
    ];
    let name = name.to_ascii_lowercase().replace('_', "-");
    let is_token = || {
        let before = name.strip_suffix("-token").map(|before| before.rsplit('-').next().unwrap_or(before));
        before.is_some_and(|word| !HARMLESS.contains(&word))
    };
    is_authorization(&name)
        || NAMES.contains(&&*name)
        || ENDS.iter().any(|end| name.ends_with(end))
        || is_token()
}

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|one| one.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::is_secret;

    #[test]
    fn common_names_of_credentials_are_known() {
        for name in [
            "Authorization",
            "Proxy-Authorization",
            "api-key",
            "X-API-Key",
            "apikey",
            "api_key",
            "X-Auth-Token",
            "X-Access-Token",
            "Private-Token",
            "X-Vault-Token",
            "X-Amz-Security-Token",
            "X-CSRF-Token",
            "Client-Secret",
            "X-Password",
            "DD-API-KEY",
            "X-Auth-Key",
            "X-RapidAPI-Key",
            "Ocp-Apim-Subscription-Key",
            "X-MBX-APIKEY",
            "CB-ACCESS-PASSPHRASE",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "accept",
            "x-token-count",
            "x-next-token",
            "X-Ms-Continuation-Token",
            "Lock-Token",
            "X-Request-Token",
            "x-trace",
            "etag",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
