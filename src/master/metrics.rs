//! What a master measures of itself while it works, and how that is written for Prometheus.
//!
//! Absences: no registry and no library. Counters are here or are counted when somebody asks; label sets are bounded.

use super::traffic::Traffic;
use std::fmt::{Display, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bounds in seconds for what should take milliseconds …
const SHORT_S: [f64; 9] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.2, 1.0];
/// … and for what may take hours.
const LONG_S: [f64; 9] = [0.02, 0.1, 1.0, 5.0, 30.0, 120.0, 600.0, 3_600.0, 21_600.0];

/// What is measured.
#[derive(Debug)]
pub(super) struct Metrics {
    /// Bytes of all connections.
    pub(super) traffic: Arc<Traffic>,
    /// Transactions of the store.
    pub(super) commit: Histogram,
    /// From the wish of a slave to its lease, where there was work.
    pub(super) lease: Histogram,
    /// From the announcement of a job to its first lease.
    pub(super) queue: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            traffic: Arc::default(),
            commit: Histogram::new(&SHORT_S),
            lease: Histogram::new(&SHORT_S),
            queue: Histogram::new(&LONG_S),
        }
    }
}

/// How often something took how long.
#[derive(Debug)]
pub(super) struct Histogram {
    bounds_s: &'static [f64],
    /// One for each bound, and one for what is beyond them.
    counts: Vec<AtomicU64>,
    sum_us: AtomicU64,
}

impl Histogram {
    fn new(bounds_s: &'static [f64]) -> Self {
        Self {
            bounds_s,
            counts: (0..=bounds_s.len()).map(|_| AtomicU64::new(0)).collect(),
            sum_us: AtomicU64::new(0),
        }
    }

    /// It took so long.
    pub(super) fn add(&self, micros: u64) {
        let seconds = micros as f64 / 1e6;
        let place = self.bounds_s.partition_point(|bound| *bound < seconds);
        self.counts[place].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(micros, Ordering::Relaxed);
    }
}

/// A page in the text format of Prometheus, version 0.0.4.
#[derive(Debug, Default)]
pub(super) struct Page(String);

impl Page {
    /// Begins a metric: its name, whether it is a `gauge` or a `counter`, and a sentence.
    pub(super) fn metric(&mut self, name: &str, kind: &str, help: &str) -> &mut Self {
        // Writing into a text cannot fail.
        let _ = writeln!(self.0, "# HELP netrender_{name} {help}\n# TYPE netrender_{name} {kind}");
        self
    }

    /// Adds a value of it.
    pub(super) fn value(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        let labels: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
            .collect();
        let _ = match labels.as_slice() {
            [] => writeln!(self.0, "netrender_{name} {value}"),
            labels => writeln!(self.0, "netrender_{name}{{{}}} {value}", labels.join(",")),
        };
        self
    }

    /// Adds a whole histogram.
    pub(super) fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) -> &mut Self {
        self.metric(name, "histogram", help);
        let mut total = 0;
        for (place, count) in histogram.counts.iter().enumerate() {
            total += count.load(Ordering::Relaxed);
            let bound = histogram.bounds_s.get(place).map_or("+Inf".to_owned(), f64::to_string);
            self.value(&format!("{name}_bucket"), &[("le", &bound)], total);
        }
        let sum = histogram.sum_us.load(Ordering::Relaxed) as f64 / 1e6;
        self.value(&format!("{name}_sum"), &[], sum);
        self.value(&format!("{name}_count"), &[], total)
    }

    /// The text.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_what_prometheus_reads() {
        let mut page = Page::default();
        page.metric("jobs", "gauge", "Jobs by state.")
            .value("jobs", &[("state", "queued"), ("name", "a \"b\"\\\n")], 3)
            .value("jobs", &[], 0.5);
        let histogram = Histogram::new(&[0.001, 1.0]);
        for micros in [500, 1_000, 2_000, 5_000_000] {
            histogram.add(micros);
        }
        page.histogram("wait_seconds", "A wait.", &histogram);
        assert_eq!(
            page.into_text(),
            "# HELP netrender_jobs Jobs by state.\n# TYPE netrender_jobs gauge\n\
             netrender_jobs{state=\"queued\",name=\"a \\\"b\\\"\\\\\\n\"} 3\nnetrender_jobs 0.5\n\
             # HELP netrender_wait_seconds A wait.\n# TYPE netrender_wait_seconds histogram\n\
             netrender_wait_seconds_bucket{le=\"0.001\"} 2\nnetrender_wait_seconds_bucket{le=\"1\"} 3\n\
             netrender_wait_seconds_bucket{le=\"+Inf\"} 4\nnetrender_wait_seconds_sum 5.0035\nnetrender_wait_seconds_count 4\n"
        );
    }
}
