//! Contents that the master may take from a shared disk by itself, because a client names the path.

use super::body::JsonBody;
use super::bundles::needed;
use super::contents::blocking;
use super::{App, Shared};
use crate::error::{Error, Result};
use crate::files::take_shared;
use crate::master::fault::Fault;
use crate::wire::{FaultBody, OfferInfo, Offers, OffersTaken};
use axum::Json;
use axum::extract::State;
use std::path::Path;

/// Most files that are offered at once.
const OFFERS_MAX: usize = 2_048;

/// Names the paths of files with contents that are missing: what the master finds there with exactly that content, it takes, and
/// it need not be uploaded. Nothing is told about the others.
#[utoipa::path(post, path = "/contents/offers", request_body = Offers,
    responses((status = 200, body = OffersTaken), (status = "default", body = FaultBody)))]
pub(super) async fn offer(State(app): Shared, JsonBody(offers): JsonBody<Offers>) -> Result<Json<OffersTaken>, Fault> {
    let mut offers = offers.offers;
    if offers.len() > OFFERS_MAX {
        return Err(Error::bad_input(format!("at most {OFFERS_MAX} files are offered at once")).into());
    }
    let nothing = Ok(Json(OffersTaken { contents: Vec::new() }));
    // A share that does not answer holds those who read from it: the others get their files uploaded meanwhile.
    let Ok(_permit) = app.shared_readers.try_acquire() else {
        return nothing;
    };
    if !accepts(&app).await? {
        return nothing;
    }
    let wanted = needed(&app, offers.iter().map(|offer| offer.hash).collect()).await?;
    offers.retain(|offer| wanted.contains(&offer.hash));
    let folders = app.folders.clone();
    let taken = blocking(move || {
        let mut batch = folders.contents.begin_batch()?;
        for OfferInfo { hash, size_bytes, path } in &offers {
            folders.disk.admit(*size_bytes)?;
            take_shared(&mut batch, *hash, *size_bytes, Path::new(path))?;
        }
        batch.place(|_| true)
    });
    let taken = taken.await?;
    app.desk.arrived(taken.clone())?;
    Ok(Json(OffersTaken { contents: taken }))
}

/// Whether the master takes files by itself.
pub(super) async fn accepts(app: &App) -> Result<bool> {
    let forced = app.force_upload || app.desk.look(|state| state.farm.settings().force_upload).await?;
    Ok(!forced)
}
