//! The first pages for people.

use super::http::App;
use axum::Router;
use std::sync::Arc;

/// The monitor's pages.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
}
