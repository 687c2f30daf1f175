//! From a rendered file to a parcel in the outbox: decoded, hashed, put away, while the next frame renders already.

use super::outbox::{Outcome, Parcel};
use super::shop::Shop;
use crate::blender::Rendered;
use crate::error::{Error, Result};
use crate::files;
use crate::images;
use crate::wire::TaskName;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Checks a picture and puts it into the outbox; a picture that is not whole makes the attempt a failed one.
pub(super) async fn finish(shop: Arc<Shop>, task: TaskName, picture: PathBuf, rendered: Rendered, permit: OwnedSemaphorePermit) {
    // Decoding is work for the processor, not for the threads that keep the connections alive.
    let keeper = Arc::clone(&shop);
    let finished = tokio::task::spawn_blocking(move || {
        let put = check(&picture, task, &rendered).and_then(|parcel| shop.outbox.put_result(&parcel, &picture).map(|()| parcel));
        match put {
            Ok(parcel) => {
                if !shop.desk.boxed(task, parcel.bytes()) {
                    shop.forget(task);
                }
            }
            Err(error) => {
                shop.fail(task, error.to_string());
                // What stays is swept away at the next start.
                let _ = std::fs::remove_file(&picture);
            }
        }
        drop(permit);
    });
    if finished.await.is_err() {
        keeper.fail(task, "the slave could not check the picture".to_owned());
    }
}

fn check(picture: &Path, task: TaskName, rendered: &Rendered) -> Result<Parcel> {
    let size_bytes = std::fs::metadata(picture)
        .map_err(|error| Error::io("read the result", picture, &error))?
        .len();
    let useless = |why: &str| Error::blender(format!("Blender left a picture that cannot be used: {why}"));
    images::verify(picture, Some(rendered.size)).map_err(|error| useless(&error.message))?;
    let found = images::inspect(picture).map_err(|error| useless(&error.message))?.layers;
    if let Some(layer) = rendered.layers.iter().find(|layer| !found.contains_key(*layer)) {
        return Err(useless(&format!("the view layer {layer:?} is not in it")));
    }
    let hash = files::hash_file(picture)?;
    let outcome = Outcome::Rendered {
        hash,
        size_bytes,
        seconds: rendered.seconds,
    };
    Ok(Parcel { task, outcome })
}
