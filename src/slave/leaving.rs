//! When a slave ends by itself: it was told to end after its frame, or had nothing to do for long enough.

use super::held::{Cause, Held};
use super::shop::Shop;
use crate::happening::HappeningKind;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// How long the outcome of the last frame may take to reach the master; then it is kept for the next start.
const LAST_DELIVERY_TIMEOUT: Duration = Duration::from_mins(5);

/// Waits until the slave may end: it was asked to, and all that it renders is delivered. Without a master, what lies in the
/// outbox is enough: the next start delivers it.
pub(super) async fn may_end(shop: &Shop) {
    tokio::select! {
        () = shop.drain.cancelled() => (),
        () = idle_for_long(shop) => {
            shop.board.tell(HappeningKind::Info, "nothing to do for long enough: the slave ends");
            shop.drain.cancel();
        }
    }
    shop.desk
        .rest(Cause::Drain, "it ends after the frame that it renders".to_owned());
    if !shop.desk.look(Held::is_all_boxed) {
        shop.board
            .tell(HappeningKind::Info, "the slave ends after the frame that it renders");
    }
    let mut changes = shop.desk.watch();
    // Errors here and below would mean that the desk is gone, which lives in the shop.
    let _ = changes.wait_for(Held::is_all_boxed).await;
    let mut sessions = shop.session.subscribe();
    let delivered = async {
        tokio::select! {
            _ = changes.wait_for(Held::is_empty) => (),
            _ = sessions.wait_for(Option::is_none) => (),
        }
    };
    let _ = timeout(LAST_DELIVERY_TIMEOUT, delivered).await;
}

/// Waits until nothing was held for as long as the slave may be idle; for ever if it may be so for ever.
async fn idle_for_long(shop: &Shop) {
    let Some(patience) = shop.options.exit_when_idle else {
        return std::future::pending().await;
    };
    let mut changes = shop.desk.watch();
    loop {
        let _ = changes.wait_for(Held::is_empty).await;
        let busy = changes.wait_for(|held| !held.is_empty());
        if timeout(patience, busy).await.is_err() {
            return;
        }
    }
}

/// Waits until a slave without a master has had nothing to do for long enough.
pub(super) async fn alone_for_long(since: Instant, patience: Option<Duration>) {
    match patience {
        Some(patience) => sleep_until(since + patience).await,
        None => std::future::pending().await,
    }
}
