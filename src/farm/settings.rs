//! What an administrator may set for the whole farm while it runs.

/// The settings of a farm; those of its shell among them, so that all of them are stored, shown and changed in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// For jobs that do not say it themselves.
    pub limits: Limits,
    /// Frames failed in a row after which a slave gets nothing more of a job; 0: however many.
    pub ban_after: u32,
    /// For how many seconds; 0: until somebody takes it off the list.
    pub ban_s: u32,
    /// Frames failed in a row, of whatever jobs, after which a slave is set aside for all of them; 0: however many.
    pub set_aside_after: u32,
    /// For how many seconds; 0: until somebody takes it off the list.
    pub set_aside_s: u32,
    /// A job is paused when so many of its frames were given up and none was ever done; 0: never.
    pub hopeless_after: u32,
    /// Seconds after which one of a job's last frames may be rendered by an idle slave too, if its own one takes far
    /// longer; 0: never.
    pub straggler_s: u32,
    /// Jobs that are over are removed after so many days; 0: never.
    pub keep_days: u32,
    /// Of the jobs that are over, so many are kept; 0: all.
    pub keep_jobs: u32,
    /// Mebibytes of the master's disk that stay free: below, the shell takes nothing in, and nothing is leased.
    pub disk_free_mib: u32,
    /// Whether clients must upload every file, even one that the master could read by itself. For the shell.
    pub force_upload: bool,
}

/// Limits of a job's tasks. In a job, 0 stands for what the farm says; of the farm, 0 stands for what the last column says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Failed attempts after which a task is given up: never 0 for the farm.
    pub attempts_max: u32,
    /// Seconds without a sign of life after which a slave loses its tasks; a job's own limit counts if it is shorter. Never
    /// 0 for the farm.
    pub silence_s: u32,
    /// Seconds without any news of a task (its log, a frame before it) after which the attempt fails; 0: learnt.
    pub stall_s: u32,
    /// Seconds that a frame may take; 0: learnt from the job's own frames.
    pub frame_s: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits {
                attempts_max: 3,
                silence_s: 60,
                stall_s: 0,
                frame_s: 0,
            },
            ban_after: 3,
            ban_s: 3_600,
            set_aside_after: 10,
            set_aside_s: 1_800,
            hopeless_after: 20,
            straggler_s: 10,
            keep_days: 0,
            keep_jobs: 0,
            disk_free_mib: 1_024,
            force_upload: false,
        }
    }
}

impl Settings {
    /// A slave without a sign of life for this long is taken for gone; what it holds goes back to the queue.
    pub(super) fn silence_ms(&self) -> u64 {
        u64::from(self.limits.silence_s.max(1)) * 1_000
    }

    /// Failed attempts after which a task of a job is given up.
    pub(super) fn attempts_max(&self, job: Limits) -> u32 {
        let own = job.attempts_max;
        if own > 0 { own } else { self.limits.attempts_max.max(1) }
    }

    /// All of them with the names that the store knows them by. Names once given keep their meaning for ever.
    #[must_use]
    pub fn entries(&self) -> [(&'static str, u32); 14] {
        [
            ("attempts_max", self.limits.attempts_max),
            ("silence_s", self.limits.silence_s),
            ("stall_s", self.limits.stall_s),
            ("frame_s", self.limits.frame_s),
            ("ban_after", self.ban_after),
            ("ban_s", self.ban_s),
            ("set_aside_after", self.set_aside_after),
            ("set_aside_s", self.set_aside_s),
            ("hopeless_after", self.hopeless_after),
            ("straggler_s", self.straggler_s),
            ("keep_days", self.keep_days),
            ("keep_jobs", self.keep_jobs),
            ("disk_free_mib", self.disk_free_mib),
            ("force_upload", u32::from(self.force_upload)),
        ]
    }

    /// Takes one from the store; a name of another release is passed over.
    pub fn set(&mut self, name: &str, value: u32) {
        let limits = &mut self.limits;
        match name {
            "attempts_max" => limits.attempts_max = value.max(1),
            "silence_s" => limits.silence_s = value.max(1),
            "stall_s" => limits.stall_s = value,
            "frame_s" => limits.frame_s = value,
            "ban_after" => self.ban_after = value,
            "ban_s" => self.ban_s = value,
            "set_aside_after" => self.set_aside_after = value,
            "set_aside_s" => self.set_aside_s = value,
            "hopeless_after" => self.hopeless_after = value,
            "straggler_s" => self.straggler_s = value,
            "keep_days" => self.keep_days = value,
            "keep_jobs" => self.keep_jobs = value,
            "disk_free_mib" => self.disk_free_mib = value,
            "force_upload" => self.force_upload = value != 0,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_from_the_store_is_what_was_given_to_it() {
        let mut odd = Settings::default();
        for (number, (name, _)) in (2..).zip(Settings::default().entries()) {
            odd.set(name, number);
        }
        odd.set("of another release", 7);
        let mut read = Settings::default();
        odd.entries().iter().for_each(|(name, value)| read.set(name, *value));
        assert_eq!(read, odd);
        assert_ne!(odd, Settings::default());
    }
}
