//! The rules of balancing as Python sees them.

use crate::client::{RuleSetting, RulesChange};
use crate::wire;
use pyo3::prelude::*;

/// One rule of balancing.
#[pyclass(frozen, get_all, eq, module = "netrender_core")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    enabled: bool,
    limit: u32,
}

/// The rules of balancing.
#[pyclass(frozen, get_all, eq, module = "netrender_core")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rules {
    share: Rule,
    new_first: Rule,
    starving_first: Rule,
}

impl From<wire::RulesInfo> for Rules {
    fn from(rules: wire::RulesInfo) -> Self {
        let rule = |wire::RuleInfo { enabled, limit }| Rule { enabled, limit };
        Self {
            share: rule(rules.share),
            new_first: rule(rules.new_first),
            starving_first: rule(rules.starving_first),
        }
    }
}

/// A limit, or whether the rule holds.
#[derive(Debug, Clone, Copy, FromPyObject)]
pub(super) enum Setting {
    // First: a bool of Python is a number, too.
    Switch(bool),
    Limit(u32),
}

/// The change that keyword arguments ask for.
pub(super) fn change(share: Option<Setting>, new_first: Option<Setting>, starving_first: Option<Setting>) -> RulesChange {
    let setting = |setting| match setting {
        Setting::Switch(true) => RuleSetting::On,
        Setting::Switch(false) => RuleSetting::Off,
        Setting::Limit(limit) => RuleSetting::Limit(limit),
    };
    RulesChange {
        share: share.map(setting),
        new_first: new_first.map(setting),
        starving_first: starving_first.map(setting),
    }
}

#[pymethods]
impl Rule {
    fn __repr__(&self) -> String {
        format!("<Rule {}: {}>", self.limit, if self.enabled { "on" } else { "off" })
    }
}

#[pymethods]
impl Rules {
    fn __repr__(&self) -> String {
        let rules = [&self.share, &self.new_first, &self.starving_first].map(Rule::__repr__);
        format!(
            "<Rules share={} new_first={} starving_first={}>",
            rules[0], rules[1], rules[2]
        )
    }
}
