//! From an operation ID and arguments to the finished request, without the network.

use super::clock::{compare, of_thread};
use super::ways::{FEW_AND_MANY, Ways};

pub(crate) fn run() {
    let ways = Ways::new("https://api.crowdstrike.com");
    let found = compare(61, 2_000, of_thread, |runs| ways.resolve(runs), |runs| ways.build_by_hand(runs));
    println!(
        "resolve: {:.0} ns, the HTTP library's own builder {:.0} ns, ratio {:.2}",
        found.first, found.second, found.ratio
    );
    further(&ways);
}

/// What an argument costs beside others, by calls with few and with many.
fn further(ways: &Ways) {
    let [few, many] = FEW_AND_MANY;
    let first = |runs| ways.resolve_many(runs, many);
    let found = compare(31, 200, of_thread, first, |runs| ways.resolve_many(runs, few));
    println!(
        "resolve: {:.0} ns with {many} arguments, {:.0} ns with {few}: {:.0} ns a further one",
        found.first,
        found.second,
        (found.first - found.second) / f64::from(many - few)
    );
}
