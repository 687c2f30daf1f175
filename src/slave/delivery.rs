//! Brings outcomes and logs to the master, one after the other, while the next frame renders.

use super::held::Held;
use super::outbox::{Outcome, Packed, Parcel};
use super::shop::{Session, Shop};
use super::work;
use crate::error::{Code, Error, Result};
use crate::happening::HappeningKind;
use crate::link::{Backoff, no_progress};
use crate::wire::{ReportInfo, ReportKind, TaskName, WorkAnswer, WorkWanted};
use std::time::Duration;

/// How often a growing log is sent.
const LOG_INTERVAL: Duration = Duration::from_secs(1);

/// Delivers what is in the outbox, for as long as the master can be reached.
pub(super) async fn deliver(shop: &Shop, session: &Session) -> Error {
    let mut backoff = Backoff::default();
    let mut changes = shop.desk.watch();
    loop {
        let Some(task) = changes.borrow_and_update().oldest_boxed() else {
            // The sender lives in the desk, so this only ever ends by a change.
            let _ = changes.changed().await;
            continue;
        };
        match send(shop, session, task).await {
            Ok(()) => backoff.reset(),
            // Either the job is gone, or the master does not know this slave any more.
            Err(error) if error.code == Code::NotFound => match work::is_known(session).await {
                Ok(()) => shop.forget(task),
                Err(error) => return error,
            },
            Err(error) if error.code == Code::Conflict => shop.forget(task),
            Err(error) if error.code == Code::BadInput => refused(shop, task, &error),
            Err(error) if ends_session(&error) => return error,
            Err(error) => {
                // The master's disk may be full: it will be there again when somebody has made room, and what is smaller may
                // fit already.
                shop.board
                    .tell(HappeningKind::Warning, format!("a result cannot be delivered yet: {error}"));
                shop.desk.deliver_later(task);
                tokio::time::sleep(backoff.next_wait()).await;
            }
        }
    }
}

/// Sends the logs of what is being rendered, for as long as the master can be reached.
pub(super) async fn send_logs(shop: &Shop, session: &Session) -> Error {
    loop {
        tokio::time::sleep(LOG_INTERVAL).await;
        for task in shop.desk.look(Held::rendering) {
            match shop.logs.get(task).send(&session.link, session.slave).await {
                Err(error) if error.code != Code::NotFound => return error,
                // Of a frame that is about to be cancelled; the loop for orders hears of it.
                _ => (),
            }
        }
    }
}

/// The log first: who reads that a frame is done or failed finds all of it.
async fn send(shop: &Shop, session: &Session, task: TaskName) -> Result<()> {
    let parcel = match shop.outbox.get(task) {
        Ok(parcel) => parcel,
        Err(error) => {
            shop.desk.failed(task, format!("the result was lost on the slave: {error}"));
            shop.forget_files(task);
            return Ok(());
        }
    };
    shop.logs.get(task).send(&session.link, session.slave).await?;
    let rendered = matches!(parcel.outcome, Outcome::Rendered { .. });
    send_outcome(shop, session, parcel).await?;
    if rendered {
        shop.board.frame_done();
    }
    shop.forget(task);
    Ok(())
}

async fn send_outcome(shop: &Shop, session: &Session, parcel: Parcel) -> Result<()> {
    let (task, slave) = (parcel.task, session.slave);
    match parcel.outcome {
        Outcome::Rendered {
            hash,
            size_bytes,
            seconds,
            finals,
        } => {
            if let Some(packed) = finals {
                send_finals(shop, session, task, packed).await?;
            }
            send_thumbnail(shop, session, task).await?;
            let path = format!(
                "jobs/{}/tasks/{}/attempts/{}/result?slave={slave}&seconds={seconds}&hash={hash}&size={size_bytes}",
                task.job, task.task, task.attempt
            );
            let picture = shop.outbox.picture(task);
            let sent = session.link.put_file(&path, &picture, 0, size_bytes, no_progress());
            sent.await.map(|_: serde_json::Value| ())
        }
        Outcome::Failed { reason, unfit } => {
            let kind = if unfit {
                ReportKind::Unfit { reason }
            } else {
                ReportKind::Failed { reason }
            };
            let reports = vec![ReportInfo { task, kind }];
            let told = WorkWanted {
                reports,
                ..WorkWanted::default()
            };
            let path = format!("slaves/{slave}/work");
            // Refused means that nobody wants to know any more, which is as good.
            session
                .link
                .post::<_, WorkAnswer>(&path, &told, Duration::ZERO)
                .await
                .map(drop)
        }
    }
}

/// Before the result: whoever reads that the frame is done finds its final files.
async fn send_finals(shop: &Shop, session: &Session, task: TaskName, packed: Packed) -> Result<()> {
    let path = format!(
        "jobs/{}/tasks/{}/attempts/{}/final?slave={}&hash={}&size={}",
        task.job, task.task, task.attempt, session.slave, packed.hash, packed.size_bytes
    );
    let zip = shop.outbox.finals(task);
    let sent = session.link.put_file(&path, &zip, 0, packed.size_bytes, no_progress());
    sent.await.map(|_: serde_json::Value| ())
}

/// Before the result too. A master that does not take it, as older ones do not know how, makes one itself.
async fn send_thumbnail(shop: &Shop, session: &Session, task: TaskName) -> Result<()> {
    let Ok(png) = tokio::fs::read(shop.outbox.thumbnail(task)).await else {
        return Ok(());
    };
    let path = format!(
        "jobs/{}/tasks/{}/attempts/{}/thumbnail?slave={}",
        task.job, task.task, task.attempt, session.slave
    );
    match session.link.put_bytes::<serde_json::Value>(&path, png).await {
        Err(error) if ends_session(&error) => Err(error),
        _ => Ok(()),
    }
}

/// The master is gone or lets this slave in no more: nothing else can be delivered either.
fn ends_session(error: &Error) -> bool {
    matches!(
        error.code,
        Code::Unreachable | Code::Timeout | Code::Unauthorized | Code::Forbidden
    )
}

/// The master does not take the result as it is: rendering it again may help, sending it again does not.
fn refused(shop: &Shop, task: TaskName, error: &Error) {
    shop.board
        .tell(HappeningKind::Error, format!("a result was refused: {error}"));
    shop.desk.failed(task, format!("the result was refused: {}", error.message));
    shop.forget_files(task);
}
