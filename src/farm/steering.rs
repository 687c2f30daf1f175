//! What people want of a slave: that it pauses, goes on, or ends; and what a slave says of why it takes no work.
//!
//! A paused slave finishes what it renders; what it has not begun goes to others. One that is to end is told so, and gives
//! that back by itself.

use super::Farm;
use super::effect::{Change, Effect, Refusal};
use super::event::RequestId;
use super::model::Steering;
use super::slave::Slave;
use crate::ids::{JobId, SlaveId, TaskIndex};

impl Farm {
    pub(super) fn slave_steered(&mut self, request: RequestId, id: SlaveId, how: Steering) {
        let Some(slave) = self.slaves.get(&id) else {
            return self.refuse(request, Refusal::UnknownSlave(id));
        };
        if how == Steering::End && !slave.online {
            return self.refuse(request, Refusal::Away(id));
        }
        let mut told = Vec::new();
        match how {
            Steering::Pause => {
                self.set_paused(id, true);
                for (job, index) in self.not_begun_by(id) {
                    told.extend(self.take_back(id, job, index));
                    self.settle(job);
                }
            }
            Steering::Resume => self.set_paused(id, false),
            Steering::End => told.push(Effect::End { slave: id }),
        }
        self.accept(request);
        self.effects.extend(told);
    }

    /// A slave says why it takes no work, or that it does again.
    pub(super) fn slave_rests(&mut self, id: SlaveId, why: Option<String>) {
        if let Some(slave) = self.slaves.get_mut(&id) {
            slave.resting = why;
        }
    }

    fn set_paused(&mut self, id: SlaveId, paused: bool) {
        if let Some(slave) = self.slaves.get_mut(&id)
            && slave.record.paused != paused
        {
            slave.record.paused = paused;
            let record = slave.record.clone();
            self.record(Change::Slave(record));
            // Also tasks that were kept for others because of this slave, or for it because of others.
            self.work_appeared = true;
        }
    }

    /// What a slave holds and cannot have begun to render.
    fn not_begun_by(&self, id: SlaveId) -> Vec<(JobId, TaskIndex)> {
        let chunks = self
            .slaves
            .get(&id)
            .into_iter()
            .flat_map(|slave| slave.chunks.iter().map(move |chunk| (slave, chunk)));
        let spare = |(slave, chunk): (&Slave, _)| {
            let unrendered = self.unrendered(slave, chunk).into_iter().skip(1);
            unrendered.map(|task| (chunk.job, task)).collect::<Vec<_>>()
        };
        chunks.flat_map(spare).collect()
    }
}

impl Slave {
    /// That it is paused, or takes no work.
    pub(super) fn explain_rest(&self) -> Vec<String> {
        let paused = self
            .record
            .paused
            .then(|| "paused: it gets nothing until it is resumed".to_owned());
        let resting = self.resting.as_ref().map(|why| format!("takes no work: {why}"));
        paused.into_iter().chain(resting).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::farm::sim::trial::{Answer, Trial, a_job, a_machine, slave_id};
    use crate::farm::{Effect, Event, NewJob, Refusal, Steering};
    use crate::ids::SlaveId;

    fn steer(trial: &mut Trial, slave: SlaveId, how: Steering) -> Vec<Effect> {
        let request = trial.request();
        trial.happen(&Event::SlaveSteered { request, slave, how })
    }

    #[test]
    fn a_paused_slave_finishes_its_frame_and_gets_nothing_until_it_is_resumed() {
        let mut trial = Trial::new();
        let (slave, other) = (trial.slave(1), trial.slave(2));
        let job = trial.submit(NewJob {
            chunk_tasks: 3,
            ..a_job(1, 4)
        });
        let tasks = trial.leased(slave);
        let told = steer(&mut trial, slave, Steering::Pause);
        let cancelled: Vec<_> = told
            .iter()
            .filter_map(|effect| match effect {
                Effect::Cancel { task, .. } => Some(*task),
                _ => None,
            })
            .collect();
        assert_eq!(cancelled, tasks[1..], "what it has not begun goes to others");
        assert_eq!(trial.done(slave, tasks[0]), Answer::Accept);
        assert_eq!(trial.want(slave), None);
        assert_eq!(
            trial.farm.explain_slave(slave),
            ["paused: it gets nothing until it is resumed"]
        );
        trial.restart();
        trial.register(1, a_machine(&[]), &[]);
        assert_eq!(trial.want(slave), None, "a restart of either side changes nothing");
        assert_eq!(trial.leased(other).len(), 3);
        let told = steer(&mut trial, slave, Steering::Resume);
        assert!(trial.farm.job(job).is_some_and(|job| job.queued == 0), "{told:?}");
    }

    #[test]
    fn a_job_that_only_paused_slaves_could_render_says_so() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        steer(&mut trial, slave, Steering::Pause);
        let job = trial.submit(a_job(1, 1));
        let sentence = "waiting: every slave that could render it is on its blacklist, set aside or paused";
        assert_eq!(trial.farm.explain_job(job), [sentence]);
    }

    #[test]
    fn a_slave_is_told_to_end_only_if_it_is_there() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        assert!(steer(&mut trial, slave, Steering::End).contains(&Effect::End { slave }));
        trial.happen(&Event::SlaveLeft { slave });
        for (slave, refusal) in [
            (slave, Refusal::Away(slave)),
            (slave_id(9), Refusal::UnknownSlave(slave_id(9))),
        ] {
            let how = Steering::End;
            let answer = trial.ask(|request| Event::SlaveSteered { request, slave, how });
            assert_eq!(answer, Some(Answer::Refuse(refusal)));
        }
    }

    #[test]
    fn why_a_slave_takes_no_work_is_explained() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let why = Some("its disk is nearly full".to_owned());
        trial.happen(&Event::SlaveRests { slave, why });
        assert_eq!(trial.farm.explain_slave(slave), ["takes no work: its disk is nearly full"]);
        trial.happen(&Event::SlaveRests { slave, why: None });
        assert_eq!(trial.farm.explain_slave(slave), ["idle: it does not ask for work"]);
    }
}
