//! What people want of a slave: that it pauses, goes on, ends or is forgotten, or has other tags; and what a slave says of why it takes
//! no work.
//!
//! A paused slave finishes what it renders; what it has not begun goes to others, as does what its new tags do not fit. One
//! that is to end is told so, and gives that back by itself.

use super::Farm;
use super::effect::{Change, Effect, Refusal};
use super::event::RequestId;
use super::fitness::{Obstacle, unfitness};
use super::model::{Machine, SlaveRecord, Steering};
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
            Steering::Forget => self.forget_slave(id),
        }
        self.accept(request);
        self.effects.extend(told);
    }

    /// Gives a slave tags, or its own again.
    pub(super) fn slave_tagged(&mut self, request: RequestId, id: SlaveId, tags: Option<Vec<String>>) {
        let Some(slave) = self.slaves.get_mut(&id) else {
            return self.refuse(request, Refusal::UnknownSlave(id));
        };
        let before = slave.record.clone();
        slave.record.give_tags(tags);
        let mut told = Vec::new();
        if slave.record != before {
            let record = slave.record.clone();
            self.record(Change::Slave(record));
            for (job, index) in self.not_begun_by(id) {
                if self.lacks_tags(id, job) {
                    told.extend(self.take_back(id, job, index));
                    self.settle(job);
                }
            }
            // Also tasks that were kept for others because of this slave, or for it because of others.
            self.work_appeared = true;
        }
        self.accept(request);
        self.effects.extend(told);
    }

    fn lacks_tags(&self, id: SlaveId, job: JobId) -> bool {
        let both = self.slaves.get(&id).zip(self.jobs.get(&job));
        both.is_some_and(|(slave, job)| matches!(unfitness(&slave.record.machine, job), Some(Obstacle::Tags(_))))
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

impl SlaveRecord {
    /// A slave that says this of itself; what people want of it stays.
    pub(super) fn registered(known: Option<&Self>, id: SlaveId, machine: Machine) -> Self {
        let mut record = Self {
            id,
            machine,
            paused: known.is_some_and(|known| known.paused),
            own_tags: None,
        };
        if let Some(known) = known.filter(|known| known.own_tags.is_some()) {
            record.give_tags(Some(known.machine.tags.clone()));
        }
        record
    }

    /// Whether this is what it said of itself, whatever tags it was given.
    #[cfg(test)]
    pub(super) fn says(&self, machine: &Machine) -> bool {
        let mut own = self.machine.clone();
        own.tags = self.own_tags.clone().unwrap_or(own.tags);
        own == *machine
    }

    fn give_tags(&mut self, tags: Option<Vec<String>>) {
        let own = self.own_tags.take();
        match tags {
            Some(tags) => {
                let before = std::mem::replace(&mut self.machine.tags, tags);
                self.own_tags = Some(own.unwrap_or(before));
            }
            None => self.machine.tags = own.unwrap_or_else(|| std::mem::take(&mut self.machine.tags)),
        }
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
    fn a_slave_that_is_forgotten_leaves_its_frame_to_others_and_comes_anew() {
        let mut trial = Trial::new();
        let (slave, other) = (trial.slave(1), trial.slave(2));
        let job = trial.submit(a_job(1, 1));
        let task = trial.leased(slave)[0];
        steer(&mut trial, slave, Steering::Pause);
        steer(&mut trial, slave, Steering::Forget);
        assert!(trial.farm.slave(slave).is_none());
        assert_eq!(trial.farm.job(job).unwrap().queued, 1);
        assert_eq!(trial.done(slave, task), Answer::Refuse(Refusal::UnknownSlave(slave)));
        assert_eq!(trial.leased(other).len(), 1);
        let again = trial.slave(1);
        assert!(!trial.farm.slave(again).unwrap().record.paused, "it is as new");
    }

    #[test]
    fn tags_that_were_given_hold_until_the_slaves_own_are_wanted_again() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let tag = |trial: &mut Trial, tags: Option<&[&str]>| {
            let tags: Option<Vec<String>> = tags.map(|tags| tags.iter().map(|tag| (*tag).to_owned()).collect());
            trial.ask(|request| Event::SlaveTagged { request, slave, tags })
        };
        trial.submit(NewJob {
            tags: vec!["gpu".to_owned()],
            chunk_tasks: 3,
            ..a_job(1, 5)
        });
        assert_eq!(trial.want(slave), None);
        assert_eq!(tag(&mut trial, Some(&["gpu"])), Some(Answer::Accept));
        trial.restart();
        trial.register(1, a_machine(&["fast"]), &[]);
        let tasks = trial.leased(slave);
        assert_eq!(tasks.len(), 3, "neither a restart nor a registration makes them be forgotten");
        assert_eq!(tag(&mut trial, None), Some(Answer::Accept));
        let own = trial.farm.slave(slave).map(|slave| slave.record.machine.tags.clone());
        assert_eq!(own, Some(vec!["fast".to_owned()]));
        assert!(
            trial.farm.jobs().all(|job| job.leased == 1),
            "what it has not begun goes to others"
        );
        assert_eq!(trial.done(slave, tasks[0]), Answer::Accept);
        assert_eq!(trial.want(slave), None);
        let nobody = slave_id(9);
        let answer = trial.ask(|request| Event::SlaveTagged {
            request,
            slave: nobody,
            tags: None,
        });
        assert_eq!(answer, Some(Answer::Refuse(Refusal::UnknownSlave(nobody))));
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
