//! What events and effects are about: whom they ask, whom they answer, what they touch.

use super::trial::Answer;
use crate::farm::{Effect, Event, RequestId};
use crate::ids::{JobId, SlaveId};

/// The job and the slave that an event is about.
pub(super) fn touched_by(event: &Event) -> (Option<JobId>, Option<SlaveId>) {
    match event {
        Event::JobSubmitted { job, .. } => (Some(job.id), None),
        Event::JobRestored { record, .. } => (Some(record.job.id), None),
        Event::JobFilesReady { job }
        | Event::JobPaused { job, .. }
        | Event::JobResumed { job, .. }
        | Event::JobCancelled { job, .. }
        | Event::JobRemoved { job, .. }
        | Event::JobEdited { job, .. }
        | Event::JobReset { job, .. } => (Some(*job), None),
        Event::SlaveRegistered { slave, .. }
        | Event::SlaveSeen { slave }
        | Event::SlaveLeft { slave }
        | Event::SlaveSteered { slave, .. }
        | Event::SlaveTagged { slave, .. }
        | Event::SlaveRests { slave, .. }
        | Event::WorkWanted { slave, .. } => (None, Some(*slave)),
        Event::Report { slave, task, .. } | Event::Progressed { slave, task, .. } => (Some(task.job), Some(*slave)),
        Event::SlaveBanned { job, slave, .. } => (*job, Some(*slave)),
        Event::BanLifted { job, slave, .. } => (*job, *slave),
        Event::Tick
        | Event::WorkUnwanted { .. }
        | Event::RulesChanged { .. }
        | Event::AllCancelled { .. }
        | Event::SettingsChanged { .. }
        | Event::DiskChanged { .. } => (None, None),
    }
}

/// The request that an event wants answered.
pub(super) fn request_of(event: &Event) -> Option<RequestId> {
    match event {
        Event::JobSubmitted { request, .. }
        | Event::JobRestored { request, .. }
        | Event::JobPaused { request, .. }
        | Event::JobResumed { request, .. }
        | Event::JobCancelled { request, .. }
        | Event::AllCancelled { request }
        | Event::JobRemoved { request, .. }
        | Event::JobEdited { request, .. }
        | Event::JobReset { request, .. }
        | Event::SettingsChanged { request, .. }
        | Event::SlaveBanned { request, .. }
        | Event::SlaveSteered { request, .. }
        | Event::SlaveTagged { request, .. }
        | Event::BanLifted { request, .. }
        | Event::SlaveRegistered { request, .. }
        | Event::RulesChanged { request, .. }
        | Event::WorkWanted { request, .. }
        | Event::Report { request, .. } => Some(*request),
        Event::Tick
        | Event::JobFilesReady { .. }
        | Event::DiskChanged { .. }
        | Event::Progressed { .. }
        | Event::SlaveSeen { .. }
        | Event::SlaveLeft { .. }
        | Event::SlaveRests { .. }
        | Event::WorkUnwanted { .. } => None,
    }
}

/// The request that an effect answers, and how.
pub(in crate::farm) fn answer_of(effect: &Effect) -> Option<(RequestId, Answer)> {
    match effect {
        Effect::Lease { request, lease, .. } => Some((*request, Answer::Lease(lease.clone()))),
        Effect::NoWork { request } => Some((*request, Answer::NoWork)),
        Effect::Accept { request } => Some((*request, Answer::Accept)),
        Effect::Refuse { request, refusal } => Some((*request, Answer::Refuse(refusal.clone()))),
        Effect::Record(_) | Effect::Cancel { .. } | Effect::End { .. } | Effect::Forget { .. } => None,
    }
}
