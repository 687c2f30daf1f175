//! Whom the actor tells what, and the last that it says.

use super::status::StatusBoard;
use crate::happening::HappeningKind;
use crate::master::feed::Feed;
use crate::master::happening::Happenings;
use crate::master::metrics::Metrics;
use crate::master::press::Press;
use crate::master::webhooks::Webhooks;
use std::sync::Arc;

/// Where the actor leaves what others may want to know or have to do. It waits for none of them.
pub(in crate::master) struct Telling {
    /// For people.
    pub(in crate::master) happenings: Arc<Happenings>,
    /// A few numbers.
    pub(in crate::master) board: Arc<StatusBoard>,
    /// What changes.
    pub(in crate::master) feed: Arc<Feed>,
    /// What is measured.
    pub(in crate::master) metrics: Arc<Metrics>,
    /// Compresses the logs of jobs that are over.
    pub(in crate::master) press: Press,
    /// Tells addresses outside.
    pub(in crate::master) webhooks: Arc<Webhooks>,
}

impl Telling {
    /// For the actor's thread to hold until it ends.
    pub(super) fn ending(&self) -> Ending {
        Ending {
            happenings: Arc::clone(&self.happenings),
            board: Arc::clone(&self.board),
            feed: Arc::clone(&self.feed),
        }
    }
}

/// The last that the actor does, even if it panics: a master that answers nobody must not look as if it ran.
pub(super) struct Ending {
    happenings: Arc<Happenings>,
    board: Arc<StatusBoard>,
    feed: Arc<Feed>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let text = "the master ends, because of a fault of its own; what it has acknowledged is on the disk";
            self.happenings.add(HappeningKind::Error, text);
        }
        self.happenings.add(HappeningKind::Stopped, "the master has stopped");
        self.feed.end();
        self.board.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Logs;

    impl Telling {
        pub(in crate::master::actor) fn to_nobody() -> Self {
            Self {
                happenings: Arc::default(),
                board: Arc::default(),
                feed: Arc::new(Feed::new(0)),
                metrics: Arc::default(),
                press: Press::start(Logs::default()).unwrap(),
                webhooks: Arc::new(Webhooks::start("test", None).unwrap()),
            }
        }
    }

    #[test]
    fn an_actor_that_panics_has_ended_and_says_so() {
        let (happenings, board) = (Arc::new(Happenings::default()), Arc::new(StatusBoard::default()));
        let ending = Ending {
            happenings: Arc::clone(&happenings),
            board: Arc::clone(&board),
            feed: Arc::new(Feed::new(0)),
        };
        let thread = std::thread::spawn(move || {
            let _ending = ending;
            panic!("a fault on purpose");
        });
        assert!(thread.join().is_err() && board.has_ended());
        let kinds: Vec<_> = happenings.drain().iter().map(|happening| happening.kind).collect();
        assert_eq!(kinds, [HappeningKind::Error, HappeningKind::Stopped]);
    }
}
