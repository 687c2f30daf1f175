//! One webhook, and how all of them are kept: as a note in the store.

use crate::link::HookAddress;
use crate::wire::WebhookInfo;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The note that they are kept in.
pub(in crate::master) const NOTE: &str = "webhooks";

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct Hook {
    pub(super) address: HookAddress,
    told: u64,
    failed: u64,
    failure: Option<String>,
}

/// What is kept of it.
#[derive(Serialize, Deserialize)]
struct Kept {
    id: u32,
    url: String,
}

impl Hook {
    pub(super) fn new(address: HookAddress) -> Self {
        Self {
            address,
            told: 0,
            failed: 0,
            failure: None,
        }
    }

    /// What came of a message.
    pub(super) fn note(&mut self, told: Result<(), String>) {
        match &told {
            Ok(()) => self.told += 1,
            Err(_) => self.failed += 1,
        }
        self.failure = told.err();
    }

    pub(super) fn info(&self, id: u32) -> WebhookInfo {
        WebhookInfo {
            id,
            address: self.address.to_string(),
            told: self.told,
            failed: self.failed,
            failure: self.failure.clone(),
        }
    }
}

/// All of them as text.
pub(super) fn written(hooks: &BTreeMap<u32, Hook>) -> String {
    let kept: Vec<_> = hooks
        .iter()
        .map(|(id, hook)| Kept {
            id: *id,
            url: hook.address.secret().to_owned(),
        })
        .collect();
    // Numbers and texts can always be written.
    serde_json::to_string(&kept).unwrap_or_default()
}

/// All of them out of the text; what another release wrote and this one does not understand is left out.
pub(super) fn read(text: &str) -> BTreeMap<u32, Hook> {
    let kept: Vec<serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
    let known = |one| {
        let Kept { id, url } = serde_json::from_value(one).ok()?;
        Some((id, Hook::new(url.parse().ok()?)))
    };
    kept.into_iter().filter_map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_and_what_is_not_understood_is_left_out() {
        let text =
            r#"[{"id":2,"url":"https://a.example/x"},{"id":7,"url":"gopher://b"},{"id":"8","to":1},{"id":9,"url":"http://c/"}]"#;
        let hooks = read(text);
        assert_eq!(hooks.keys().copied().collect::<Vec<_>>(), [2, 9]);
        assert_eq!(read(&written(&hooks)).len(), 2);
        assert!(read("what is this").is_empty());
    }
}
