//! `netrender rules` and `netrender explain`.

use super::arguments::Query;
use super::screen::{say, say_json, table};
use super::{STATUS_OK, connect};
use crate::access::KeySource;
use crate::client::{Client, RuleSetting, RulesChange};
use crate::error::{Error, Result};
use crate::wire::{Explanation, RuleInfo, RulesInfo};
use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ExplainedArgument {
    /// A job
    Job,
    /// A slave
    Slave,
}

#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// What is meant
    #[arg(value_enum)]
    pub(super) what: ExplainedArgument,
    /// Its id, or enough of its beginning; of a slave also its name
    #[arg(id = "explained_id", value_name = "ID")]
    pub(super) id: String,
    #[command(flatten)]
    pub(super) to: Query,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct RulesArguments {
    #[command(subcommand)]
    pub(super) action: Option<RulesAction>,
    #[command(flatten)]
    pub(super) to: Query,
}

#[derive(Debug, Subcommand)]
pub(super) enum RulesAction {
    /// Change rules; those that are not named stay as they are
    Set(RulesSetArguments),
}

/// Each takes a limit, or off, or on for the limit that it had.
#[derive(Debug, Args)]
pub(super) struct RulesSetArguments {
    /// Most of the slaves that one job may use, in percent, unless it is the only one; or on, off
    #[arg(long, value_name = "PERCENT")]
    pub(super) share: Option<RuleSetting>,
    /// First come jobs with fewer frames dispatched than this; or on, off
    #[arg(long, value_name = "FRAMES")]
    pub(super) new_first: Option<RuleSetting>,
    /// First come jobs that have had no slave for more minutes than this; or on, off
    #[arg(long, value_name = "MINUTES")]
    pub(super) starving_first: Option<RuleSetting>,
    #[command(flatten)]
    pub(super) to: Query,
}

pub(super) fn rules(wanted: RulesArguments, keys: &KeySource) -> Result<u8> {
    match wanted.action {
        None => {
            let rules = connect(&wanted.to.master, keys)?.rules()?;
            show(&rules, &wanted.to)
        }
        Some(RulesAction::Set(set)) => change(&set, keys),
    }
}

pub(super) fn explain(wanted: &ExplainArguments, keys: &KeySource) -> Result<u8> {
    let client = connect(&wanted.to.master, keys)?;
    let explanation = explanation(&client, wanted)?;
    if wanted.to.json {
        say_json(&Explanation { explanation })?;
    } else {
        say(&explanation.join("\n"))?;
    }
    Ok(STATUS_OK)
}

fn explanation(client: &Client, wanted: &ExplainArguments) -> Result<Vec<String>> {
    match wanted.what {
        ExplainedArgument::Job => client.explain_job(client.find_job(&wanted.id)?),
        ExplainedArgument::Slave => client.explain_slave(client.find_slave(&wanted.id)?),
    }
}

fn change(wanted: &RulesSetArguments, keys: &KeySource) -> Result<u8> {
    let change = RulesChange {
        share: wanted.share,
        new_first: wanted.new_first,
        starving_first: wanted.starving_first,
    };
    if change.is_empty() {
        return Err(Error::bad_input("no rule is named").hint("netrender rules set --help lists them"));
    }
    let rules = connect(&wanted.to.master, keys)?.change_rules(change)?;
    show(&rules, &wanted.to)
}

fn show(rules: &RulesInfo, to: &Query) -> Result<u8> {
    if to.json {
        say_json(rules)?;
        return Ok(STATUS_OK);
    }
    let row = |name: &str, rule: RuleInfo, unit: &str, meaning: &str| {
        let state = if rule.enabled { "on" } else { "off" };
        [
            name.to_owned(),
            state.to_owned(),
            format!("{}{unit}", rule.limit),
            meaning.to_owned(),
        ]
    };
    let rows = [
        row(
            "share",
            rules.share,
            " %",
            "no job uses more of the slaves, unless it is the only one",
        ),
        row(
            "new-first",
            rules.new_first,
            "",
            "first come jobs with fewer frames dispatched",
        ),
        row(
            "starving-first",
            rules.starving_first,
            " min",
            "first come jobs that have had no slave for longer",
        ),
    ];
    say(&table(["RULE", "STATE", "LIMIT", "MEANING"], &rows))?;
    Ok(STATUS_OK)
}
