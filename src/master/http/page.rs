//! Which part of a list is asked for.

use crate::error::{Error, Result};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::str::FromStr;

/// Most entries of one page of a list.
const PAGE_MAX: usize = 1_000;

/// Which part of a list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// How many to skip.
    #[serde(default)]
    pub(super) offset: usize,
    /// How many to show, at most 1000.
    #[serde(default = "page_max")]
    limit: usize,
}

/// Which part of a list of things that have ids.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::master) struct Listed {
    /// How many to skip.
    #[serde(default)]
    offset: usize,
    /// How many to show, at most 1000.
    #[serde(default = "page_max")]
    limit: usize,
    /// Only these, separated by commas; those that are gone are left out.
    ids: Option<String>,
}

impl Page {
    /// How many to show.
    pub(super) fn limit(&self) -> usize {
        self.limit.min(PAGE_MAX)
    }
}

impl Listed {
    /// The ids, if only some are wanted.
    pub(super) fn ids<T: FromStr + Ord>(&self) -> Result<Option<BTreeSet<T>>>
    where
        Error: From<T::Err>,
    {
        let ids = self.ids.as_deref().map(|ids| ids.split(',').map(super::parse).collect());
        ids.transpose()
    }

    /// The part of a list that is wanted.
    pub(super) fn cut<T>(&self, all: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
        all.skip(self.offset).take(self.limit.min(PAGE_MAX))
    }
}

impl Default for Listed {
    /// The first page of all.
    fn default() -> Self {
        Self {
            offset: 0,
            limit: PAGE_MAX,
            ids: None,
        }
    }
}

fn page_max() -> usize {
    PAGE_MAX
}
