//! Every public type of the crate is looked at: a new one must be named here.

use std::collections::BTreeSet;

/// Types whose `Debug`, and `Display` where they have one, the test of the library prints with secrets around or in
/// them.
const PRINTED: &[&str] = &[
    "AccessToken",
    "ArgumentsError",
    "AuthError",
    "Command",
    "ConfigError",
    "Credentials",
    "Error",
    "Harness",
    "HeldBack",
    "HarnessBuilder",
    "Method",
    "Pages",
    "Phase",
    "HeldBack",
    "Problem",
    "Profile",
    "Refused",
    "Request",
    "Response",
    "SignIn",
    "SignInPlan",
    "TlsProblem",
    "TransportError",
    "Unfinished",
    "UnsafeError",
    "Content",
    "Network",
    "Result",
];

/// Types that meet no secret of a call: descriptions, arguments, counts. What a caller gives as an ordinary argument is
/// shown as given.
const APART: &[&str] = &[
    "Ambiguous",
    "Argument",
    "Attempt",
    "Body",
    "CredentialFuture",
    "CredentialProvider",
    "DecodeError",
    "DeepArrays",
    "Document",
    "Fetch",
    "Fetched",
    "FilePart",
    "Forgotten",
    "Freshness",
    "HintSource",
    "IoError",
    "Items",
    "Location",
    "Number",
    "Outcome",
    "Params",
    "Part",
    "PartContent",
    "Place",
    "ProviderError",
    "ProxyProblem",
    "RetryPolicy",
    "Said",
    "Server",
    "SignInMethod",
    "StopReason",
    "Style",
    "Types",
    "UnknownOperation",
    "Wait",
    "WaitReason",
    "GraphQl",
    "MediaType",
    "Operation",
    "OperationTable",
    "Parameter",
    "Property",
    "RequestBody",
    "Schema",
    "ResponseStream",
];

#[test]
fn every_public_type_is_looked_at() {
    let library = include_str!("../../../src/lib.rs");
    let exports = library.split("pub use ").skip(1).filter_map(|rest| rest.split(';').next());
    let names: BTreeSet<&str> = exports
        .flat_map(|list| list.split(['{', '}', ',', ':', ' ', '\n']))
        .filter(|name| name.starts_with(|first: char| first.is_ascii_uppercase()))
        .collect();
    assert!(names.len() > 40, "{names:?}");
    let unknown: Vec<_> =
        names.iter().filter(|name| !PRINTED.contains(name) && !APART.contains(name)).collect();
    assert!(unknown.is_empty(), "print these with a secret in them, or say that they meet none: {unknown:?}");
}
