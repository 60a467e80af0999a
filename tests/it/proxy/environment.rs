//! The environment's proxies, as the program takes them: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`.

use super::servers::{Manners, ProxyServer, closed};
use super::{KEY, description, far};
use crate::cli::{Run, opcall_with};
use crate::support::{Reply, Server};
use crate::tls::authority;

/// Runs the program against a base URL, with the authority's certificate.
fn run(base: &str, variables: &[(&str, &str)], options: &[&str]) -> Run {
    let spec = description();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root.pem");
    std::fs::write(&root, &authority().pem).unwrap();
    let all = [&[("FAR_API_KEY", KEY), ("SSL_CERT_FILE", root.to_str().unwrap())], variables].concat();
    let call = [
        "--spec",
        spec.path().to_str().unwrap(),
        "things",
        "--server",
        base,
        "--insecure-http",
        "--retry",
        "0",
    ];
    let run = opcall_with(&all, &[&call[..], options].concat());
    for secret in [KEY, "s3cret", "czNjcmV0"] {
        assert!(
            !run.stdout.contains(secret) && !run.stderr.contains(secret),
            "{} {}",
            run.stdout,
            run.stderr
        );
    }
    run
}

fn plain() -> (Server, std::net::SocketAddr) {
    let server = Server::start(|_, _| Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")).quiet();
    let address = server.url().trim_start_matches("http://").parse().unwrap();
    (server, address)
}

#[test]
fn each_variable_serves_its_scheme() {
    let origin = far();
    let manners = Manners { user: Some("ann:s3cret"), ..Manners::default() };
    let proxy = ProxyServer::http(origin.address, manners);
    let url = proxy.url("http", "ann:s3cret@");
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        let before = proxy.seen().len();
        run("https://h.example", &[(name, &url)], &[]).ok();
        assert_eq!(proxy.seen().len(), before + 1, "{name}");
    }
    let (_server, address) = plain();
    let proxy = ProxyServer::http(address, Manners::default());
    let url = proxy.url("http", "");
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        let before = proxy.seen().len();
        run("http://h.example", &[(name, &url)], &[]).ok();
        assert_eq!(proxy.seen().len(), before + 1, "{name}");
    }
    let socks = ProxyServer::socks(origin.address, Manners::default());
    run("https://h.example", &[("ALL_PROXY", &socks.url("socks5h", ""))], &["-vv", "--log", "trace"]).ok();
    assert_eq!(socks.seen(), ["name h.example port 443"]);
}

#[test]
fn this_machine_is_not_asked_through_the_environments_proxy_but_through_an_explicit_one() {
    let (server, address) = plain();
    let dead = format!("http://ann:s3cret@{}", closed());
    let all = [("HTTP_PROXY", dead.as_str()), ("HTTPS_PROXY", &dead), ("ALL_PROXY", &dead)];
    for host in ["127.0.0.1", "localhost"] {
        run(&format!("http://{host}:{}", address.port()), &all, &[]).ok();
    }
    assert_eq!(server.received().len(), 2);
    let proxy = ProxyServer::http(address, Manners::default());
    run(&server.url(), &all, &["--proxy", &proxy.url("http", "")]).ok();
    assert_eq!(proxy.seen().len(), 1);
}

#[test]
fn what_is_taken_out_goes_straight() {
    let proxy = ProxyServer::http(closed(), Manners::default());
    let url = proxy.url("http", "");
    for (variables, options) in [
        (&[("HTTPS_PROXY", url.as_str()), ("NO_PROXY", "other,.invalid")][..], &[][..]),
        (&[("HTTP_PROXY", &url), ("REQUEST_METHOD", "GET")], &[]),
        (&[("ALL_PROXY", &url)], &["--no-proxy"]),
    ] {
        let scheme = if variables[0].0 == "HTTP_PROXY" { "http" } else { "https" };
        let run = run(&format!("{scheme}://h.invalid"), variables, options);
        assert_eq!(run.code, 7, "{}", run.stderr);
        assert!(
            run.stderr.starts_with(&format!("error: no answer from {scheme}://h.invalid after")),
            "{}",
            run.stderr
        );
        assert!(proxy.seen().is_empty(), "{variables:?}");
    }
}

#[test]
fn what_goes_wrong_is_told_without_the_password() {
    let dead = closed();
    let proxy = format!("http://ann:s3cret@{dead}");
    let wanting = ProxyServer::http(closed(), Manners { user: Some("ann:other"), ..Manners::default() });
    let (bare, wrong) = (wanting.url("http", ""), wanting.url("http", "ann:s3cret@"));
    let mut told = String::new();
    for (variables, options) in [
        (&[("HTTPS_PROXY", proxy.as_str())][..], &[][..]),
        (&[("HTTPS_PROXY", &bare)], &[]),
        (&[("HTTPS_PROXY", &wrong)], &[]),
        (&[("HTTPS_PROXY", "ftp://ann:s3cret@p.example")], &[]),
        (&[], &["--proxy", "http://ann:s3cret@p.example/path"]),
        (&[("P", &wrong)], &["--proxy", "env:P"]),
        (&[], &["--proxy", "env:P"]),
        (&[], &["--proxy", "http://p.example", "--no-proxy"]),
    ] {
        let run = run("https://h.example", variables, options);
        let text =
            run.stderr.replace(&dead.to_string(), "DEAD").replace(&wanting.address().to_string(), "PROXY");
        let names: Vec<_> =
            variables.iter().map(|(name, _)| *name).chain(options.iter().take(1).copied()).collect();
        told.extend([names.join(" ").as_str(), &format!(" ({})\n", run.code), &text, "\n"]);
    }
    insta::assert_snapshot!(told);
}
