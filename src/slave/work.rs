//! Asks the master for work, tells it what happened, and obeys it.

use super::desk::Desk;
use super::held::Held;
use super::machine::Machine;
use super::shop::{Session, Shop};
use crate::error::{Error, Result};
use crate::happening::HappeningKind;
use crate::wire::{Orders, OrdersWanted, WorkAnswer, WorkWanted};
use std::pin::pin;
use std::time::Duration;

/// How long the master may keep a wish for work.
const WORK_WAIT: Duration = Duration::from_secs(25);
/// How long the master may keep the question for orders; also the longest time without a sign of life.
const ORDERS_WAIT: Duration = Duration::from_secs(20);
/// How long a report that nobody waits for may wait for a wish to travel with.
const REPORT_DELAY: Duration = Duration::from_millis(200);
/// Pause after an answer without work: a master that does not wait is not asked without pause.
const EMPTY_PAUSE: Duration = Duration::from_millis(20);

/// Asks for work and reports, for as long as the master can be reached.
pub(super) async fn work(shop: &Shop, session: &Session) -> Error {
    loop {
        let told = tokio::select! {
            biased;
            () = work_wanted(&shop.desk) => wish(shop, session).await,
            () = reports_due(&shop.desk) => report(shop, session).await,
        };
        if let Err(error) = told {
            return error;
        }
    }
}

/// Asks for orders and obeys them, for as long as the master can be reached.
pub(super) async fn obey(shop: &Shop, session: &Session) -> Error {
    let path = format!("slaves/{}/orders", session.slave);
    let mut machine = Machine::new(&shop.options, &shop.work_folder);
    let mut changes = shop.desk.watch();
    let mut after = 0;
    loop {
        let resting = shop.desk.look(|held| held.resting().map(str::to_owned));
        let wanted = OrdersWanted {
            wait_ms: millis(ORDERS_WAIT),
            after,
            machine: Some(machine.look()),
            resting: resting.clone(),
        };
        let asked = tokio::time::Instant::now();
        let answer = tokio::select! {
            answer = session.link.post::<_, Orders>(&path, &wanted, ORDERS_WAIT) => answer,
            // People who wonder why nothing is rendered here shall not wait for the next sign of life.
            _ = changes.wait_for(|held| held.resting() != resting.as_deref()) => continue,
        };
        match answer {
            Ok(orders) => {
                after = orders.number;
                orders.cancel.iter().for_each(|task| shop.forget(*task));
                if orders.end && !shop.drain.is_cancelled() {
                    shop.board.tell(HappeningKind::Info, "the master wants this slave to end");
                    shop.drain.cancel();
                }
                if asked.elapsed() < EMPTY_PAUSE {
                    tokio::time::sleep(EMPTY_PAUSE).await;
                }
            }
            Err(error) => return error,
        }
    }
}

/// Tells the master what there is to tell, now.
pub(super) async fn report(shop: &Shop, session: &Session) -> Result<()> {
    let reports = shop.desk.take_reports();
    if reports.is_empty() {
        return Ok(());
    }
    let told = WorkWanted {
        reports,
        ..WorkWanted::default()
    };
    let answer = ask(session, &told).await?;
    take(shop, &answer);
    Ok(())
}

/// Whether the master still knows the slave; if not, that is the error.
pub(super) async fn is_known(session: &Session) -> Result<()> {
    ask(session, &WorkWanted::default()).await.map(drop)
}

/// Wishes for a chunk and waits for it; what happens meanwhile is reported beside it.
async fn wish(shop: &Shop, session: &Session) -> Result<()> {
    let wanted = WorkWanted {
        reports: shop.desk.take_reports(),
        want: true,
        wait_ms: millis(WORK_WAIT),
        warm: shop.desk.look(Held::warm),
    };
    let mut answer = pin!(ask(session, &wanted));
    let answer = loop {
        tokio::select! {
            biased;
            answer = &mut answer => break answer?,
            () = reports_due(&shop.desk) => report(shop, session).await?,
        }
    };
    take(shop, &answer);
    if shop.desk.look(Held::wants_work) {
        tokio::time::sleep(EMPTY_PAUSE).await;
    }
    Ok(())
}

async fn ask(session: &Session, wanted: &WorkWanted) -> Result<WorkAnswer> {
    let wait = Duration::from_millis(wanted.wait_ms);
    session
        .link
        .post(&format!("slaves/{}/work", session.slave), wanted, wait)
        .await
}

fn take(shop: &Shop, answer: &WorkAnswer) {
    answer.refused.iter().for_each(|task| shop.forget(*task));
    if let Some(lease) = &answer.lease {
        shop.desk.lease(lease);
    }
}

async fn work_wanted(desk: &Desk) {
    // An error would mean that the sender is gone, which lives in the desk.
    let _ = desk.watch().wait_for(Held::wants_work).await;
}

async fn reports_due(desk: &Desk) {
    let mut changes = desk.watch();
    let _ = changes.wait_for(Held::has_reports).await;
    let _ = tokio::time::timeout(REPORT_DELAY, changes.wait_for(Held::has_urgent_reports)).await;
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
