//! Clocks of processor time, and two ways measured in turn.
//!
//! Wall time on a shared machine says little: what is compared here is the processor time of this thread, the two ways in
//! turn in short rounds, so that whatever disturbs one disturbs the other; the median of the rounds counts.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The processor time of this thread.
pub(crate) fn of_thread() -> Duration {
    of(ClockId::ThreadCPUTime)
}

/// The processor time of this process.
pub(crate) fn of_process() -> Duration {
    of(ClockId::ProcessCPUTime)
}

fn of(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec.try_into().unwrap_or_default(), time.tv_nsec.try_into().unwrap_or_default())
}

/// Keeps this process on one core.
pub(crate) fn pin(core: usize) {
    let mut cores = rustix::thread::CpuSet::new();
    cores.set(core);
    // On a machine that forbids it the figures are only less steady.
    let _ = rustix::thread::sched_setaffinity(None, &cores);
}

/// Nanoseconds each of two ways takes, and the ratio of the first to the second: medians over all rounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compared {
    pub(crate) first: f64,
    pub(crate) second: f64,
    pub(crate) ratio: f64,
}

/// Measures two ways in turn; each gets the number of runs it is to do.
pub(crate) fn compare(
    rounds: usize,
    runs: u32,
    clock: fn() -> Duration,
    mut first: impl FnMut(u32),
    mut second: impl FnMut(u32),
) -> Compared {
    let timed = |way: &mut dyn FnMut(u32)| {
        let before = clock();
        way(runs);
        (clock() - before).as_secs_f64() * 1e9 / f64::from(runs)
    };
    first(runs);
    second(runs);
    let (mut firsts, mut seconds, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let (a, b) = if round % 2 == 0 {
            let a = timed(&mut first);
            (a, timed(&mut second))
        } else {
            let b = timed(&mut second);
            (timed(&mut first), b)
        };
        firsts.push(a);
        seconds.push(b);
        ratios.push(a / b);
    }
    Compared { first: median(firsts), second: median(seconds), ratio: median(ratios) }
}

/// The middle one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
