//! Calls against a server on loopback, beside the HTTP library alone on the same server.

use super::clock::{compare, of_process, pin};
use super::server::Server;
use super::ways::Ways;

pub(crate) fn run() {
    let server = Server::start();
    pin(0);
    let ways = Ways::new(&server.url);
    let found = compare(41, 500, of_process, |runs| ways.call(runs), |runs| ways.call_by_hand(runs));
    println!(
        "call, one after the other: {:.1} us, by hand {:.1} us, ratio {:.3}",
        found.first / 1e3,
        found.second / 1e3,
        found.ratio
    );
    let at_once = |runs| ways.call_at_once(runs, 64);
    let found = compare(41, 3_200, of_process, at_once, |runs| ways.call_by_hand_at_once(runs, 64));
    println!(
        "call, 64 at once: {:.1} us, by hand {:.1} us, ratio {:.3}",
        found.first / 1e3,
        found.second / 1e3,
        found.ratio
    );
}
