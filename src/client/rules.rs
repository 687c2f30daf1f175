//! The rules of balancing, changed one by one.

use super::{Client, Pending};
use crate::error::{Error, Result};
use crate::wire::{RuleInfo, RulesInfo};
use std::str::FromStr;

/// What becomes of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleSetting {
    /// It holds, with the limit that it had.
    On,
    /// It does not hold; its limit is kept.
    Off,
    /// It holds with this limit.
    Limit(u32),
}

/// What becomes of the rules; those that are not named stay as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RulesChange {
    /// Most of the slaves that one job may use, in percent.
    pub share: Option<RuleSetting>,
    /// Frames dispatched below which a job comes first.
    pub new_first: Option<RuleSetting>,
    /// Minutes without a slave after which a job comes first.
    pub starving_first: Option<RuleSetting>,
}

impl RulesChange {
    /// Whether nothing is to be changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn apply(&self, rules: RulesInfo) -> RulesInfo {
        let changed = |rule: RuleInfo, setting: Option<RuleSetting>| match setting {
            None => rule,
            Some(RuleSetting::On) => RuleInfo { enabled: true, ..rule },
            Some(RuleSetting::Off) => RuleInfo { enabled: false, ..rule },
            Some(RuleSetting::Limit(limit)) => RuleInfo { enabled: true, limit },
        };
        RulesInfo {
            share: changed(rules.share, self.share),
            new_first: changed(rules.new_first, self.new_first),
            starving_first: changed(rules.starving_first, self.starving_first),
        }
    }
}

impl Client {
    /// The rules by which jobs are balanced.
    pub fn rules(&self) -> Result<RulesInfo> {
        self.ask_rules()?.answer()
    }

    /// The same without waiting.
    pub fn ask_rules(&self) -> Result<Pending<RulesInfo>> {
        self.get("rules".to_owned())
    }

    /// Lets jobs be balanced by other rules from now on; the rules as they are then.
    pub fn change_rules(&self, change: RulesChange) -> Result<RulesInfo> {
        self.ask_change_rules(change)?.answer()
    }

    /// The same without waiting.
    pub fn ask_change_rules(&self, change: RulesChange) -> Result<Pending<RulesInfo>> {
        let link = self.link.clone();
        self.threads.begin(async move {
            let rules = change.apply(link.get("rules").await?);
            link.put("rules", &rules).await
        })
    }
}

impl FromStr for RuleSetting {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "on" => Ok(Self::On),
            "off" => Ok(Self::Off),
            limit => limit
                .trim_end_matches('%')
                .parse()
                .map(Self::Limit)
                .map_err(|_| Error::bad_input(format!("{text:?} is neither a whole number nor on or off"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_switches_its_rule_on_and_a_switch_keeps_the_limit() {
        let rule = |enabled, limit| RuleInfo { enabled, limit };
        let rules = RulesInfo {
            share: rule(false, 75),
            new_first: rule(true, 1),
            starving_first: rule(true, 2),
        };
        let setting = |text: &str| Some(text.parse().unwrap());
        let change = RulesChange {
            share: setting("50%"),
            new_first: setting("off"),
            starving_first: None,
        };
        let changed = change.apply(rules);
        assert_eq!(changed.share, rule(true, 50));
        assert_eq!(changed.new_first, rule(false, 1));
        assert_eq!(changed.starving_first, rules.starving_first);
        let back = RulesChange {
            new_first: setting("on"),
            ..RulesChange::default()
        };
        assert_eq!(back.apply(changed).new_first, rule(true, 1));
        assert!("many".parse::<RuleSetting>().is_err());
    }
}
