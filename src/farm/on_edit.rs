//! Jobs and settings are changed while everything goes on.

use super::Farm;
use super::effect::{Change, Refusal};
use super::event::RequestId;
use super::job::Job;
use super::model::JobEdit;
use super::settings::Settings;
use crate::ids::{FrameLayout, FrameSet, JobId, TaskIndex};

impl Farm {
    pub(super) fn job_edited(&mut self, request: RequestId, id: JobId, mut edit: JobEdit) {
        let Some(job) = self.jobs.get(&id) else {
            return self.refuse(request, Refusal::UnknownJob(id));
        };
        let refusal = match &mut edit.depends_on {
            Some(wanted) => self.refuse_dependencies(id, wanted),
            None => None,
        };
        if let Some(refusal) = refusal {
            return self.refuse(request, refusal);
        }
        let frames = match new_frames(job, &edit) {
            Ok(frames) => frames,
            Err(reason) => return self.refuse(request, Refusal::Frames(id, reason)),
        };
        self.change_settings_of(id, edit);
        let (dropped, returned) = match frames {
            Some((frames, layout)) => self.change_frames_of(id, frames, layout),
            None => (Vec::new(), Vec::new()),
        };
        // The job's row first: whoever restarts in between shall find the tasks that are wanted.
        self.record_job(id);
        let mut cancels = Vec::new();
        for index in dropped {
            cancels.extend(self.take_back_from_all(id, index));
            if let Some(job) = self.jobs.get_mut(&id) {
                job.drop_task(index);
            }
        }
        if let Some(job) = self.jobs.get_mut(&id) {
            for index in returned {
                job.bring_back(index);
            }
        }
        self.settle(id);
        // Whom a task is kept for may have changed with the tags.
        self.work_appeared = true;
        self.accept(request);
        self.effects.extend(cancels);
    }

    pub(super) fn settings_changed(&mut self, request: RequestId, settings: Settings) {
        if settings != self.settings {
            self.settings.clone_from(&settings);
            self.record(Change::Settings(settings));
            self.send_silent_slaves_off();
        }
        self.accept(request);
    }

    pub(super) fn disk_changed(&mut self, is_low: bool) {
        self.disk_is_low = is_low;
        self.work_appeared |= !is_low;
    }

    /// Records all of a job but its state and its tasks.
    pub(super) fn record_job(&mut self, id: JobId) {
        if let Some(Job { record, .. }) = self.jobs.get(&id) {
            let change = Change::JobEdited {
                job: Box::new(record.job.clone()),
                layout: record.layout.clone(),
                resets: record.resets,
            };
            self.record(change);
        }
    }

    fn change_settings_of(&mut self, id: JobId, edit: JobEdit) {
        if let Some(depends_on) = edit.depends_on {
            self.set_dependencies(id, depends_on);
        }
        let Some(job) = self.jobs.get_mut(&id) else {
            return;
        };
        let job = &mut job.record.job;
        put(&mut job.name, edit.name);
        put(&mut job.category, edit.category);
        put(&mut job.tags, edit.tags);
        put(&mut job.requirements, edit.requirements);
        put(&mut job.priority, edit.priority);
        put(&mut job.chunk_tasks, edit.chunk_tasks);
        put(&mut job.limits.attempts_max, edit.attempts_max);
        put(&mut job.limits.silence_s, edit.silence_s);
        put(&mut job.limits.stall_s, edit.stall_s);
        put(&mut job.limits.frame_s, edit.frame_s);
        self.balance.edit(job);
    }

    /// The tasks that are not wanted any more, and those that are wanted again.
    fn change_frames_of(&mut self, id: JobId, frames: FrameSet, layout: FrameLayout) -> (Vec<TaskIndex>, Vec<TaskIndex>) {
        let (mut dropped, mut returned) = (Vec::new(), Vec::new());
        let Some(job) = self.jobs.get_mut(&id) else {
            return (dropped, returned);
        };
        let known = job.record.layout.len();
        job.record.job.frames = frames;
        job.record.layout = layout;
        job.record.resets += 1;
        for index in (0..known).map(TaskIndex) {
            match (job.is_wanted(index), job.dropped.contains(index)) {
                (false, false) => dropped.push(index),
                (true, true) => returned.push(index),
                _ => {}
            }
        }
        for index in (known..job.record.layout.len()).map(TaskIndex) {
            job.queue_anew(index);
        }
        (dropped, returned)
    }
}

fn put<T>(place: &mut T, new: Option<T>) {
    if let Some(new) = new {
        *place = new;
    }
}

/// The frames of a job after an edit, if it changes them.
fn new_frames(job: &Job, edit: &JobEdit) -> Result<Option<(FrameSet, FrameLayout)>, String> {
    let old = &job.record.job.frames;
    let mut frames = edit.frames.clone().unwrap_or_else(|| old.clone());
    if let Some(more) = &edit.add_frames {
        frames = frames.with(more);
    }
    if let Some(fewer) = &edit.remove_frames {
        frames = frames
            .without(fewer)
            .ok_or("no frame would be left: cancel or remove the job")?;
    }
    if frames == *old {
        return Ok(None);
    }
    if job.bakes() {
        return Err("the bakes of a job stay as they are: send another job".to_owned());
    }
    let mut layout = job.record.layout.clone();
    layout.extend(&frames).map_err(|error| error.to_string())?;
    Ok(Some((frames, layout)))
}

#[cfg(test)]
mod tests {
    use crate::farm::sim::trial::{Answer, Trial, a_job, job_id};
    use crate::farm::{Effect, Event, JobEdit, JobState, Refusal};
    use crate::ids::FrameSet;

    fn set(text: &str) -> FrameSet {
        text.parse().unwrap()
    }

    fn adding(frames: &str) -> JobEdit {
        JobEdit {
            add_frames: Some(set(frames)),
            ..JobEdit::default()
        }
    }

    fn removing(frames: &str) -> JobEdit {
        JobEdit {
            remove_frames: Some(set(frames)),
            ..JobEdit::default()
        }
    }

    #[test]
    fn what_is_edited_is_what_is_shown_even_after_a_restart() {
        let mut trial = Trial::new();
        let job = trial.submit(a_job(1, 3));
        let edit = JobEdit {
            name: Some("shot 020".to_owned()),
            category: Some("film".to_owned()),
            tags: Some(vec!["gpu".to_owned()]),
            priority: Some(7),
            chunk_tasks: Some(2),
            attempts_max: Some(5),
            ..JobEdit::default()
        };
        assert_eq!(trial.edit(job, edit), Answer::Accept);
        trial.restart();
        let view = trial.farm.job(job).unwrap();
        let now = &view.record.job;
        assert_eq!(
            (now.name.as_str(), now.category.as_str(), now.priority),
            ("shot 020", "film", 7)
        );
        assert_eq!((now.tags.as_slice(), now.chunk_tasks), (&["gpu".to_owned()][..], 2));
        assert_eq!((now.limits.attempts_max, view.tasks), (5, 3));
    }

    #[test]
    fn frames_are_added_and_taken_out_and_results_are_kept() {
        let mut trial = Trial::new();
        let slaves = [1, 2].map(|number| trial.slave(number));
        let job = trial.submit(a_job(1, 4));
        let (first, second) = (trial.leased(slaves[0])[0], trial.leased(slaves[1])[0]);
        trial.done(slaves[0], first);
        let request = trial.request();
        let edit = Box::new(removing("1-2"));
        let told = trial.happen(&Event::JobEdited { request, job, edit });
        let cancel = Effect::Cancel {
            slave: slaves[1],
            task: second,
        };
        assert_eq!(
            told,
            [Effect::Accept { request }, cancel],
            "the frame being rendered is given up"
        );
        let view = trial.farm.job(job).unwrap();
        assert_eq!((view.tasks, view.queued, view.done), (2, 2, 0));
        assert_eq!(trial.done(slaves[1], second), Answer::Refuse(Refusal::Stale(second)));
        trial.restart();
        assert_eq!(trial.edit(job, adding("1,9")), Answer::Accept);
        let view = trial.farm.job(job).unwrap();
        assert_eq!(
            (view.tasks, view.queued, view.done),
            (4, 3, 1),
            "frame 1 still has its result"
        );
        let mut rendered = Vec::new();
        while let Some(Answer::Lease(lease)) = trial.want(slaves[0]) {
            for task in crate::farm::sim::trial::tasks_of(&lease) {
                rendered.push(trial.farm.frame_of(job, task.task).unwrap());
                trial.done(slaves[0], task);
            }
        }
        assert_eq!(rendered, [3, 4, 9]);
        assert_eq!(trial.state(job), JobState::Finished);
    }

    #[test]
    fn a_job_follows_its_frames_from_state_to_state() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = trial.submit(a_job(1, 2));
        let task = trial.leased(slave)[0];
        trial.done(slave, task);
        trial.edit(job, removing("2"));
        assert_eq!(trial.state(job), JobState::Finished, "what was left was taken out");
        trial.pass(60_000 * 60);
        let slave = trial.slave(1);
        trial.edit(job, adding("2"));
        assert_eq!(trial.state(job), JobState::Queued);
        (0..3).for_each(|_| trial.fail_next(slave));
        assert_eq!(trial.state(job), JobState::Failed);
        trial.edit(job, removing("2"));
        assert_eq!(trial.state(job), JobState::Finished, "only what failed was taken out");
        trial.edit(job, adding("2"));
        assert_eq!(trial.state(job), JobState::Failed);
    }

    #[test]
    fn a_job_keeps_at_least_one_frame_and_at_most_a_million() {
        let mut trial = Trial::new();
        let job = trial.submit(a_job(1, 3));
        let Answer::Refuse(Refusal::Frames(_, reason)) = trial.edit(job, removing("1-9")) else {
            panic!("accepted");
        };
        assert!(reason.contains("no frame would be left"), "{reason}");
        let Answer::Refuse(Refusal::Frames(_, reason)) = trial.edit(job, adding("1-1000000")) else {
            trial.edit(job, adding("-1"));
            return;
        };
        panic!("a million is allowed: {reason}");
    }

    #[test]
    fn an_unknown_job_cannot_be_edited() {
        let mut trial = Trial::new();
        let answer = trial.edit(job_id(9), adding("1"));
        assert_eq!(answer, Answer::Refuse(Refusal::UnknownJob(job_id(9))));
    }
}
