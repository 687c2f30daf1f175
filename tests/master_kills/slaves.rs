//! Slaves that render nothing, and do everything else.

use crate::ledger::{Ledger, Task};
use exr::prelude::{AnyChannel, AnyChannels, Encoding, FlatSamples, Image, Layer, LayerAttributes, WritableImage as _};
use netrender::error::Code;
use netrender::link::Link;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Pause after a master did not answer.
const AWAY: Duration = Duration::from_millis(10);
const WAIT_MS: u64 = 500;

struct Slave {
    name: String,
    link: Link,
    ledger: Arc<Ledger>,
    random: fastrand::Rng,
    id: Option<String>,
    /// Whether the master knows what it holds.
    registered: bool,
    holding: Vec<Task>,
    /// Tasks without a file that it has yet to tell of, and how they ended.
    reports: Vec<(Task, &'static str)>,
}

/// Works until the runtime ends.
pub(crate) async fn render(number: u64, link: Link, ledger: Arc<Ledger>, seed: u64) {
    let mut slave = Slave {
        name: format!("slave{number}"),
        link,
        ledger,
        random: fastrand::Rng::with_seed(seed),
        id: None,
        registered: false,
        holding: Vec::new(),
        reports: Vec::new(),
    };
    loop {
        slave.step().await;
    }
}

impl Slave {
    async fn step(&mut self) {
        if !self.registered {
            return self.register().await;
        }
        let Some(task) = self.holding.first().cloned() else {
            return self.ask().await;
        };
        match self.random.u8(..100) {
            // It dies, and comes back with nothing in its hands.
            0 => {
                self.holding.clear();
                self.reports.clear();
                self.registered = false;
            }
            1..3 => self.tell(task, "returned"),
            3 => self.tell(task, "failed"),
            _ if !self.ledger.wants_pictures(&task.job) => self.tell(task, "done"),
            _ => self.deliver(task).await,
        }
    }

    fn tell(&mut self, task: Task, how: &'static str) {
        self.holding.remove(0);
        self.reports.push((task, how));
    }

    async fn register(&mut self) {
        let reported = self.reports.iter().map(|(task, _)| task);
        let holding: Vec<Value> = self.holding.iter().chain(reported).map(name_of).collect();
        let mut registration = json!({
            "name": self.name, "tags": [], "blenders": [{"version": "3.4.1"}], "slots": 1, "denoises": true,
            "machine": {"os": "test", "cores": 1, "threads": 1, "memory_bytes": 1}, "holding": holding
        });
        if let Some(id) = &self.id {
            registration["id"] = json!(id);
        }
        match self.link.post::<_, Value>("slaves", &registration, Duration::ZERO).await {
            Ok(answer) => {
                self.id = answer["id"].as_str().map(str::to_owned);
                self.registered = true;
            }
            Err(_) => tokio::time::sleep(AWAY).await,
        }
    }

    async fn ask(&mut self) {
        let reports: Vec<Value> = self.reports.iter().map(|(task, how)| report(task, how)).collect();
        let wanted = json!({"want": true, "wait_ms": WAIT_MS, "reports": reports});
        let id = self.id.clone().unwrap_or_default();
        let asked = self.ledger.now();
        let wait = Duration::from_millis(WAIT_MS);
        let path = format!("slaves/{id}/work");
        let Ok::<Value, _>(answer) = self.link.post(&path, &wanted, wait).await else {
            // Its connection is gone, or it is unknown: a slave registers again and names what it holds.
            self.registered = false;
            return tokio::time::sleep(AWAY).await;
        };
        let refused = answer["refused"].as_array().cloned().unwrap_or_default();
        for (task, how) in std::mem::take(&mut self.reports) {
            if how == "done" && !refused.contains(&name_of(&task)) {
                self.ledger.done(&task, None);
            }
        }
        let lease = &answer["lease"];
        for task in lease["tasks"].as_array().into_iter().flatten() {
            let task = Task {
                job: lease["job"].as_str().unwrap_or_default().to_owned(),
                index: task["task"].as_u64().unwrap_or_default(),
                attempt: task["attempt"].as_u64().unwrap_or_default(),
            };
            self.ledger.leased(task.clone(), &id, asked);
            self.holding.push(task);
        }
    }

    async fn deliver(&mut self, task: Task) {
        let picture = picture(&task);
        let hash = blake3::hash(&picture).to_hex().to_string();
        let (Task { job, index, attempt }, size) = (&task, picture.len());
        let id = self.id.as_deref().unwrap_or_default();
        let path = format!("jobs/{job}/tasks/{index}/attempts/{attempt}/result?slave={id}&seconds=0.5&hash={hash}&size={size}");
        match self.link.put_bytes::<Value>(&path, picture).await {
            Ok(_) => {
                self.holding.remove(0);
                self.ledger.done(&task, Some(&hash));
            }
            // Not wanted any more, or its job is gone.
            Err(error) if matches!(error.code, Code::Conflict | Code::NotFound) => drop(self.holding.remove(0)),
            Err(error) if error.code == Code::BadInput => self.ledger.fault(format!("{task:?}: {error}")),
            // Whether it arrived is not known: it is sent again.
            Err(_) => {
                self.registered = false;
                tokio::time::sleep(AWAY).await;
            }
        }
    }
}

fn name_of(task: &Task) -> Value {
    json!({"job": task.job, "task": task.index, "attempt": task.attempt})
}

fn report(task: &Task, how: &str) -> Value {
    let mut report = name_of(task);
    report["kind"] = json!(how);
    match how {
        "done" => report["seconds"] = json!(0.5),
        "failed" => report["reason"] = json!("it did not want to"),
        _ => {}
    }
    report
}

/// A picture of one channel, the same for each attempt at a task, as a renderer's would be.
fn picture(task: &Task) -> Vec<u8> {
    let name = format!("{} {}", task.job, task.index);
    let samples = blake3::hash(name.as_bytes()).as_bytes().map(f32::from).to_vec();
    let size = (samples.len(), 1);
    let channel = AnyChannel::new("L.Combined.R", FlatSamples::F32(samples));
    let channels = AnyChannels::sort([channel].into_iter().collect());
    let layer = Layer::new(size, LayerAttributes::default(), Encoding::UNCOMPRESSED, channels);
    let mut file = std::io::Cursor::new(Vec::new());
    Image::from_layer(layer).write().to_buffered(&mut file).unwrap();
    file.into_inner()
}
