//! What a named scenario says when it ends: one line, shown whether it went well or not.

use std::io::Write as _;

/// The seed of all named scenarios, unless another one is asked for.
const SEED: u64 = 7;

/// The seed to use: `NETRENDER_SIM_SEED`, if it is set.
pub(crate) fn seed() -> u64 {
    let named = std::env::var("NETRENDER_SIM_SEED").ok();
    named.and_then(|seed| seed.parse().ok()).unwrap_or(SEED)
}

/// Tells how a scenario went, with its figures, and fails if it went badly.
pub(crate) fn tell(name: &str, passed: bool, figures: &str) {
    let verdict = if passed { "PASS" } else { "FAIL" };
    // Past the capture of a test's output, so that the figures can be read without asking for them.
    let _ = writeln!(std::io::stderr(), "{name} {verdict} {figures} (seed {})", seed());
    assert!(passed, "{name}: {figures}");
}
