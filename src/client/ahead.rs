//! Tiles come into the folder as they get done, before their frame is: to be shown, and so that little is left to fetch then.
//!
//! Nothing depends on it: what fails here is fetched when the frame is done, and its failure told then.

use super::gather::{Gathered, Shared};
use super::tiles::{self, Tiled};
use crate::link::Link;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// What is brought of frames that are not done.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// One frame at a time.
    task: Option<(i32, JoinHandle<()>)>,
    /// How many tiles of a frame were done when they were brought last.
    brought: HashMap<i32, u32>,
}

impl Ahead {
    /// Brings what has been done since, of the frame that somebody waits for or else of the first one.
    pub(super) fn go_on(&mut self, shared: &Arc<Shared>, link: &Link) {
        let is_busy = self.task.as_ref().is_some_and(|(_, task)| !task.is_finished());
        if is_busy || shared.request.what != Gathered::Layers {
            return;
        }
        let next = {
            let state = shared.lock();
            let is_news = |frame: i32, done: u32| self.brought.get(&frame) != Some(&done);
            state.table.tiles_to_come(state.awaited.last().copied(), is_news)
        };
        let Some((frame, told)) = next else { return };
        self.brought.insert(frame, told.done);
        let (job, grid) = (shared.request.job, told.grid);
        let (link, folder) = (link.clone(), shared.request.folder.clone());
        let task = tokio::spawn(async move {
            let tiled = Tiled { job, frame, grid };
            if let Err(error) = tiles::bring_done(&link, &tiled, &folder).await {
                tracing::debug!(%error, frame, "tiles were not fetched ahead");
            }
        });
        self.task = Some((frame, task));
    }

    /// The frame is done: whoever brings all of it shall find nobody in its folder.
    pub(super) fn let_go(&mut self, frame: i32) {
        if let Some((_, task)) = self.task.take_if(|(brought, _)| *brought == frame) {
            task.abort();
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        if let Some((_, task)) = &self.task {
            task.abort();
        }
    }
}
