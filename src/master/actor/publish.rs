//! What changed, handed to those who follow: once it is durable.

use super::Actor;
use super::state::State;
use crate::farm::{Change, Moment};
use crate::ids::{JobId, SlaveId};
use crate::master::feed::Changed;
use crate::store::Write;
use std::collections::BTreeSet;

impl Actor {
    /// Tells of what has just become durable.
    pub(super) fn publish(&mut self, writes: &[Write]) {
        self.feed.add(writes.iter().filter_map(|write| changed(write, &self.state)));
        for write in writes {
            match write {
                Write::Farm(Change::JobDispatched { job, at }) => self.note_dispatch(*job, *at),
                // It came out of an archive.
                Write::Farm(Change::JobAdded(record)) if record.transitions.last().is_some_and(|last| last.state.is_over()) => {
                    self.press.compress(self.home.folders.logs(record.job.id));
                }
                Write::Farm(Change::JobState { job, transition }) if transition.state.is_over() => {
                    self.press.compress(self.home.folders.logs(*job));
                    if let Some(view) = self.state.farm.job(*job) {
                        self.webhooks.job_over(&view, transition.at);
                    }
                }
                _ => {}
            }
        }
    }

    fn note_dispatch(&mut self, job: JobId, at: Moment) {
        let is_first = self
            .state
            .jobs
            .get_mut(&job)
            .is_some_and(|notes| !std::mem::replace(&mut notes.dispatched, true));
        if is_first && let Some(view) = self.state.farm.job(job) {
            self.metrics.queue.add(at.millis_since(view.record.submitted) * 1_000);
        }
    }

    /// Tells of slaves that came or went since the last call: silence is not recorded, so no write tells of it.
    pub(super) fn publish_presence(&mut self, now: Moment) {
        let slaves = self.state.farm.slaves().filter(|slave| slave.online);
        let online: BTreeSet<SlaveId> = slaves.map(|slave| slave.record.id).collect();
        self.feed
            .add(online.symmetric_difference(&self.online).copied().map(Changed::Slave));
        let gone = self.online.difference(&online).filter_map(|id| self.state.farm.slave(*id));
        for slave in gone.filter(|slave| slave.lost) {
            self.webhooks.slave_lost(&slave, now);
        }
        self.online = online;
    }
}

fn changed(write: &Write, state: &State) -> Option<Changed> {
    match write {
        Write::Farm(Change::JobAdded(record)) => Some(Changed::Job(record.job.id)),
        Write::Farm(Change::JobState { job, .. } | Change::JobRemoved(job) | Change::Ban { job: Some(job), .. }) => {
            Some(Changed::Job(*job))
        }
        Write::Farm(Change::JobEdited { job, .. }) => Some(Changed::Job(job.id)),
        // Its count of resets tells that all that is known of its frames may be old.
        Write::Farm(Change::TasksReset { job, .. }) => Some(Changed::Job(*job)),
        Write::Farm(Change::Task { job, task, .. }) => {
            let frame = state.farm.frame_of(*job, *task);
            Some(frame.map_or(Changed::Job(*job), |frame| Changed::Frame(*job, frame)))
        }
        Write::Farm(Change::Slave(record)) => Some(Changed::Slave(record.id)),
        Write::Farm(Change::SlaveRemoved(slave) | Change::Ban { job: None, slave, .. }) | Write::Facts { slave, .. } => {
            Some(Changed::Slave(*slave))
        }
        Write::Farm(Change::Rules(_)) => Some(Changed::Rules),
        Write::Farm(Change::Settings(_)) => Some(Changed::Settings),
        // Every dispatch changes a task too, and is told of by that.
        Write::Farm(Change::JobDispatched { .. }) | Write::Manifest { .. } | Write::Baked { .. } | Write::Note { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Telling, start};
    use crate::farm::{Event, Limits, Settings};
    use crate::ids::SlaveId;
    use crate::master::home::Home;
    use crate::master::webhooks::Webhooks;
    use crate::wire::{MachineInfo, Registration};
    use std::io::{BufRead as _, BufReader};
    use std::net::TcpListener;
    use std::sync::Arc;

    fn registration(name: &str) -> Registration {
        Registration {
            id: None,
            name: name.to_owned(),
            tags: Vec::new(),
            blenders: Vec::new(),
            slots: 1,
            allows_scripts: false,
            denoises: true,
            machine: MachineInfo::default(),
            holding: Vec::new(),
        }
    }

    #[test]
    fn a_slave_that_falls_silent_is_lost_and_one_that_says_goodbye_is_not() {
        let (folder, listener) = (tempfile::tempdir().unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
        let kept = format!(r#"[{{"id":1,"url":"http://{}/"}}]"#, listener.local_addr().unwrap());
        let (home, store) = Home::open(folder.path(), false).unwrap();
        let telling = Telling {
            webhooks: Arc::new(Webhooks::start("studio", Some(&kept)).unwrap()),
            ..Telling::to_nobody()
        };
        let (desk, thread) = start(home, store, telling).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let limits = Limits {
                silence_s: 1,
                ..Settings::default().limits
            };
            let settings = Box::new(Settings {
                limits,
                ..Settings::default()
            });
            desk.ask(|request| Event::SettingsChanged { request, settings })
                .await
                .unwrap();
            for (name, bits) in [("polite", 1), ("silent", 2)] {
                let id = desk.register(registration(name), SlaveId::from_bits(bits), String::new());
                id.await.unwrap();
            }
            let slave = SlaveId::from_bits(1);
            desk.tell(Event::SlaveLeft { slave }).await.unwrap();
        });
        let (connection, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(connection).lines().map_while(Result::ok);
        let length = lines.find_map(|line| line.strip_prefix("content-length: ").map(str::to_owned));
        assert!(length.is_some_and(|length| length.parse::<usize>().unwrap() > 0));
        desk.stop().unwrap();
        thread.join().unwrap();
        let told: String = lines.collect();
        assert!(told.contains("the slave silent is lost"), "{told}");
    }
}
