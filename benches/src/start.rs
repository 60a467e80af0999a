//! Cold start: one call from the shell, the whole process, beside curl and a program that has nothing but the HTTP library.
//!
//! The programs run in turn, so that whatever disturbs one disturbs the others; medians and ratios of one run count.

use std::path::{Path, PathBuf};

use super::clock::median;
use super::process::{Cost, Program, built};
use super::server::Server;

const PATH: &str = "/installation-tokens/queries/tokens/v1?limit=5&offset=0";
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";
const SYSTEM_FOLDER: &str = "/etc/ssl/certs";
const ROUNDS: usize = 41;

pub(crate) fn run() {
    let Some(program) = built("OPCALL_PROGRAM", "opcall") else {
        println!("skipped: build the program first, or name it in OPCALL_PROGRAM");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    in_the_clear(&program, folder.path());
    encrypted(&program, folder.path());
}

/// A call of a built-in operation.
fn call(program: &Path, home: &Path, url: &str, more: &[&str]) -> Program {
    let words = ["tokens_query", "limit=5", "offset=0", "--server", url];
    let words: Vec<_> = words.iter().chain(more).copied().collect();
    Program::new("opcall", program, &words)
        .with("FALCON_ACCESS_TOKEN", "a-token-of-some-length-0123456789abcdef")
        .with("HOME", home.to_str().expect("a path that is text"))
}

fn in_the_clear(program: &Path, home: &Path) {
    let server = Server::start();
    let url = format!("{}{PATH}", server.url);
    let mut all = vec![call(program, home, &server.url, &[])];
    all.extend(
        built("OPCALL_PLAIN", "opcall-benches-plain")
            .map(|plain| Program::new("reqwest without TLS", &plain, &[&url])),
    );
    all.extend(curl().map(|curl| Program::new("curl", &curl, &["-sS", &url])));
    tell("http", &all);
}

fn encrypted(program: &Path, home: &Path) {
    let server = Server::with_tls(home);
    let url = format!("{}{PATH}", server.url);
    let root = home.join("root.pem");
    let one = root.to_str().expect("a path that is text");
    let own_alone = |program: Program| program.with("SSL_CERT_FILE", one);
    let mut all = vec![own_alone(call(program, home, &server.url, &[]))];
    all.extend(curl().map(|curl| Program::new("curl", &curl, &["-sS", "--cacert", one, &url])));
    tell("https, one root", &all);
    let Ok(mut roots) = std::fs::read_to_string(SYSTEM_ROOTS) else {
        println!("skipped: there is no {SYSTEM_ROOTS}");
        return;
    };
    roots += &std::fs::read_to_string(&root).expect("a certificate");
    let bundle = home.join("bundle.pem");
    std::fs::write(&bundle, &roots).expect("a folder");
    let bundle = bundle.to_str().expect("a path that is text");
    let mut all = vec![call(program, home, &server.url, &[]).with("SSL_CERT_FILE", bundle)];
    all.extend(curl().map(|curl| Program::new("curl", &curl, &["-sS", "--cacert", bundle, &url])));
    tell("https, the system's roots and one more in a file", &all);
    let named = |program: Program| program.with("SSL_CERT_FILE", bundle).with("SSL_CERT_DIR", SYSTEM_FOLDER);
    let mut all = vec![named(call(program, home, &server.url, &[]))];
    all.extend(curl().map(|curl| Program::new("curl", &curl, &["-sS", "--cacert", bundle, &url])));
    tell("https, the same file and the system's folder", &all);
    let mut all = vec![call(program, home, &server.url, &["--cacert", one])];
    all.extend(curl().map(|curl| Program::new("curl", &curl, &["-sS", "--cacert", bundle, &url])));
    tell("https, the system's roots where they are, --cacert for one more", &all);
}

fn curl() -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join("curl"))
        .find(|path| path.is_file())
}

fn tell(what: &str, all: &[Program]) {
    let mut costs = vec![Vec::<Cost>::new(); all.len()];
    for _ in 0..ROUNDS {
        for (program, costs) in all.iter().zip(&mut costs) {
            costs.push(program.cost());
        }
    }
    println!("{what}:");
    for (program, own) in all.iter().zip(&costs) {
        let of = |pick: fn(&Cost) -> f64| median(own.iter().map(pick).collect());
        let ratios = costs.iter().zip(all).skip(1).map(|(other, against)| {
            let ratio = median(costs[0].iter().zip(other).map(|(a, b)| a.cpu / b.cpu).collect());
            format!(", {ratio:.2} times {}", against.name)
        });
        let ratios: String = ratios.filter(|_| program.name == "opcall").collect();
        println!("  {}: {:.2} ms, {:.1} MB{ratios}", program.name, of(|it| it.cpu), of(|it| it.memory));
    }
}
