//! Repeats on the command line: how many, shown with `-v`, and what cannot be repeated.

use opcall::sandbox::{Fault, Sandbox};

use super::{Run, opcall_with};

const CLIENT: [(&str, &str); 2] =
    [("FALCON_CLIENT_ID", "00000000000000000000000000000001"), ("FALCON_CLIENT_SECRET", "demo-secret-full")];

async fn run(fault: &str, variables: &[(&str, &str)], line: &[&str]) -> Run {
    let fault: Fault = fault.parse().unwrap();
    let sandbox = Sandbox::builder().fault(fault).start().await.unwrap();
    let url = sandbox.url_of("falcon");
    let variables: Vec<_> =
        CLIENT.iter().chain(variables).copied().chain([("FALCON_BASE_URL", url.as_str())]).collect();
    opcall_with(&variables, line)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_survives_a_rate_limit() {
    let line = ["-v", "tokens_query", "limit=1", "--retry", "3"];
    let run = run("tokens_query:429;retry-after=1;times=2", &[], &line).await;
    assert!(run.json()["resources"].is_array(), "{}", run.stdout);
    let attempts: Vec<_> = run.stderr.lines().filter(|line| line.starts_with("* attempt ")).collect();
    assert_eq!(attempts.len(), 3, "{}", run.stderr);
    assert!(attempts[0].starts_with("* attempt 1: 429 after ") && attempts[0].contains(", again in "));
    assert!(attempts[2].starts_with("* attempt 3: 200 after "), "{}", run.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_can_be_switched_off() {
    let fault = "tokens_query:503;times=1";
    for (variables, line) in [
        (&[("OPCALL_RETRY", "0")][..], &["tokens_query"][..]),
        (&[][..], &["tokens_query", "--retry", "0"][..]),
    ] {
        let run = run(fault, variables, line).await;
        assert_eq!(run.code, 5, "{}", run.stderr);
    }
    let run = run(fault, &[("OPCALL_RETRY", "0")], &["tokens_query", "--retry", "1"]).await;
    assert_eq!(run.code, 0, "the command line wins: {}", run.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_act_twice_needs_a_word() {
    let fault = "tokens_create:500;times=1";
    let line = ["tokens_create", "label=ci", "type=customer_managed"];
    let refused = run(fault, &[], &line).await;
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    for word in [&["--retry-unsafe"][..], &["--idempotency-key", "k1"][..]] {
        let run = run(fault, &[], &[&line, word].concat()).await;
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
}

#[test]
fn numbers_of_repeats_are_held_to_their_bounds() {
    let run = opcall_with(&[("OPCALL_TOKEN_CACHE", "yes")], &["tokens_query"]);
    let told = "error: OPCALL_TOKEN_CACHE: \"yes\" is neither 0 nor 1\n  hint: set it to 1 to keep tokens, to 0 to keep none.\n";
    assert_eq!((run.code, run.stderr.as_str()), (2, told));
    let run = opcall_with(&[("OPCALL_RETRY", "many")], &["tokens_query"]);
    assert_eq!((run.code, run.stderr.as_str()), (2, "error: OPCALL_RETRY: write a number from 0 to 10\n"));
    let run = opcall_with(&[], &["tokens_query", "--retry", "11"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("write a number from 0 to 10"), "{}", run.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_why_a_call_is_not_repeated() {
    let create = ["tokens_create", "label=ci", "type=customer_managed", "--log", "opcall=debug"];
    let query = ["tokens_query", "--retry", "0", "--log", "opcall=debug"];
    for (line, fault, why) in [
        (&create[..], "tokens_create:500", "it may have been carried out, and a repeat might do it twice"),
        (&query, "tokens_query:500", "there were enough repeats"),
        (&query, "tokens_query:404", "a repeat would bring the same"),
        (
            &["tokens_query", "--log", "opcall=debug"],
            "tokens_query:429;retry-after=3600",
            "the server asks for a longer wait than is allowed",
        ),
    ] {
        let run = run(fault, &[], line).await;
        let of_it = |line: &&str| line.contains("not repeated") && !line.contains("token endpoint");
        let told = run.stderr.lines().find(of_it).unwrap_or(&run.stderr);
        assert!(told.contains(why) && told.contains("attempt 1: "), "{why}: {told}");
    }
}
