//! Files that are likely to be wanted next come while the present frames render: those of frames that wait here already,
//! then those of the job that the master would lease next.
//!
//! Nothing depends on it. What it brings too early or in vain only takes room in the cache that nobody else wants.

use super::held::Held;
use super::scene::Scenes;
use super::shop::{Session, Shop};
use crate::error::Result;
use crate::ids::JobId;
use crate::wire::NextJob;
use std::convert::Infallible;
use std::time::Duration;

/// Between two looks at what may come: the answer changes with every job that is sent.
const LOOK: Duration = Duration::from_secs(2);

/// Brings files ahead for as long as there is a master, and something renders.
pub(super) async fn prefetch(shop: &Shop, session: &Session, scenes: &Scenes) -> Infallible {
    let mut changes = shop.desk.watch();
    loop {
        // An error would mean that the desk is gone, which lives in the shop.
        let _ = changes.wait_for(|held| !held.rendering().is_empty()).await;
        // A frame that is being fetched for comes first; afterwards the wire is free.
        scenes.nobody_in_a_hurry().await;
        // What fails is fetched when it is needed, and its failure told then.
        let _ = bring(shop, session, scenes).await;
        tokio::time::sleep(LOOK).await;
    }
}

async fn bring(shop: &Shop, session: &Session, scenes: &Scenes) -> Result<()> {
    for job in shop.desk.look(Held::queued_jobs) {
        let frames = shop.desk.look(|held| held.queued_frames(job));
        scenes.bring_for(&session.link, job, &frames).await?;
    }
    if let Some(job) = next_job(shop, session).await? {
        scenes.bring_ahead(&session.link, job).await?;
    }
    Ok(())
}

/// The job that this slave would get if it asked now; it is not leased by the question.
async fn next_job(shop: &Shop, session: &Session) -> Result<Option<JobId>> {
    if shop.desk.look(Held::is_resting) {
        return Ok(None);
    }
    let next: NextJob = session.link.get(&format!("slaves/{}/next", session.slave)).await?;
    Ok(next.job)
}
