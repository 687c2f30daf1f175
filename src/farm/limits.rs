//! Every limit of the brain, with its unit.

/// A wish for work is answered after this long at the latest, whatever `until` says.
pub(super) const WORK_WAIT_MS_MAX: u64 = 60_000;
/// Bytes of a failure's reason that are kept.
pub(super) const REASON_BYTES_MAX: usize = 2_000;

/// Most tasks in one lease, whatever chunk the job asks for.
pub(super) const LEASE_TASKS_MAX: usize = 1_000;
/// Most tasks that a slave may hold, those whose results are on the way included.
pub(super) const SLAVE_TASKS_MAX: usize = 10_000;
/// A lease that a slave seems not to have got is told again at once, and then at most this often.
pub(super) const LEASE_REPEAT_MS: u64 = 5_000;
/// Most tasks in one lease when the farm chooses.
pub(super) const AUTO_CHUNK_TASKS_MAX: usize = 100;
/// How long a lease should last when the farm chooses the chunk. A lease costs milliseconds, because the scene stays open
/// between two of them; so a longer one would save nothing, and only keep frames from slaves that fall idle.
pub(super) const AUTO_CHUNK_S: f64 = 5.0;
/// Leases per slot that the rest of a job is cut into when the farm chooses, so that all slaves end together.
pub(super) const AUTO_CHUNK_LEASES_PER_SLOT: u32 = 2;
/// How long tiles that are rendered as one should take at most: nothing of them is seen before all are done.
pub(super) const BLOCK_S_MAX: f64 = 180.0;
/// A chunk that has been held for less long is left as it is when others are idle.
pub(super) const TAKE_BACK_AFTER_MS: u64 = 5_000;
/// A task is leased a second time if where it is it will take more than so many times as long as on the idle slave.
pub(super) const STRAGGLER_FACTOR: f64 = 2.0;
/// Weight of the newest frame in how fast a slave is …
pub(super) const PACE_WEIGHT: f64 = 0.3;
/// … which is its seconds ÷ the job's median, within these bounds.
pub(super) const PACE_RANGE: (f64, f64) = (0.01, 100.0);
/// Frames whose seconds make a job's median.
pub(super) const MEDIAN_FRAMES: usize = 64;
/// Tasks that failed before among which one is sought that this slave did not fail.
pub(super) const RETRIES_SEARCHED_MAX: usize = 64;

/// A master that comes this much later than it wanted to was not there: nobody could be heard, and nothing is anybody's
/// fault. Longer than it ever sleeps.
pub(super) const CLOCK_LATE_MS_MAX: u64 = 30_000;

/// How often usage is sampled.
pub(super) const USAGE_SAMPLE_MS: u64 = 10_000;
/// Weight of the newest sample: after a minute without a slave, about half of a job's usage is forgotten.
pub(super) const USAGE_SAMPLE_WEIGHT: f64 = 0.1;
/// A slot that a job has right now counts as that share of the farm, but as no more than this: on a small farm, where one
/// slot is much, it would outweigh the average, and each job would always get its turn, whatever its priority.
pub(super) const SLOT_SHARE_MAX: f64 = 0.05;
/// Below this the usage of a job that is over is forgotten.
pub(super) const USAGE_FADED: f64 = 0.01;
/// Jobs whose ratings differ by less are about equally deserving: then a scene that is open already decides. In slots …
pub(super) const WARM_SLACK_SLOTS: f64 = 0.5;
/// … but at most this share of the farm.
pub(super) const WARM_SLACK_MAX: f64 = 0.1;

/// A job's last dispatch is noted (and recorded) at most this often: a fast job has thousands a second.
pub(super) const DISPATCH_NOTED_MS: u64 = 1_000;
/// How often jobs are sought that need not be kept any more.
pub(super) const RETENTION_LOOK_MS: u64 = 60_000;
/// Transitions kept of a job: the first and the latest.
pub(super) const TRANSITIONS_MAX: usize = 1_000;
/// How often attempts are sought that take too long.
pub(super) const TIMEOUTS_LOOK_MS: u64 = 2_000;
/// Frames after which a job's median is trusted to say what is too long …
pub(super) const MEDIAN_TRUSTED_FRAMES: usize = 5;
/// … which is so many times the median …
pub(super) const FRAME_LEARNT_FACTOR: f64 = 20.0;
/// … but never less than this.
pub(super) const FRAME_LEARNT_S_MIN: u32 = 1_800;
/// So many times the median without news of a frame is too long …
pub(super) const STALL_LEARNT_FACTOR: f64 = 10.0;
/// … but never less than this, because some engines say nothing until they are done.
pub(super) const STALL_LEARNT_S_MIN: u32 = 3_600;
/// How long a job rests on a slave after the second of two attempts that failed there one after the other; it doubles with
/// every further one …
pub(super) const REST_MS_MIN: u64 = 1_000;
/// … up to this.
pub(super) const REST_MS_MAX: u64 = 30_000;
/// Failed tasks that are held against a slave.
pub(super) const FAULTS_KEPT_MAX: usize = 1_000;
/// Slaves remembered; beyond, a new one takes the place of the one that has been gone longest.
pub(super) const SLAVES_KNOWN_MAX: usize = 10_000;
/// Jobs that the explanation of a slave names.
pub(super) const EXPLAINED_JOBS_MAX: usize = 8;
