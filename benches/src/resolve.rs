//! From an operation ID and arguments to the finished request, without the network.

use super::clock::{compare, of_thread};
use super::ways::Ways;

pub(crate) fn run() {
    let ways = Ways::new("https://api.crowdstrike.com");
    let found = compare(61, 2_000, of_thread, |runs| ways.resolve(runs), |runs| ways.build_by_hand(runs));
    println!(
        "resolve: {:.0} ns, the HTTP library's own builder {:.0} ns, ratio {:.2}",
        found.first, found.second, found.ratio
    );
}
