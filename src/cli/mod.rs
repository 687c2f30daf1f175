//! The `netrender` command.
//!
//! Absences: nothing is decided here. Each command is a few calls of the master, the slave or the client, and words.

mod archive;
mod arguments;
mod ask;
mod bakes;
mod changes;
mod compare;
mod interrupt;
mod key;
mod log;
mod manage;
mod masters;
mod names;
mod progress;
mod results;
mod rules;
mod screen;
mod serve;
mod slave;
mod slaves;
mod submit;
mod usage;
mod versions;

use crate::access::KeySource;
use crate::client::Client;
use crate::error::{Code, Error, Result};
use arguments::{Arguments, Command, MasterChoice};
use clap::Parser as _;
use clap::error::ErrorKind;
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

/// How long a master is looked for, and may take to answer.
const CONNECT_TIMEOUT_S: u64 = 10;
/// Environment variable that says what is logged, such as `debug` or `netrender::link=trace`.
const LOG_VARIABLE: &str = "NETRENDER_LOG";

/// All went well.
const STATUS_OK: u8 = 0;
/// It failed, and was told on the standard error.
const STATUS_FAILED: u8 = 1;
/// The command was not written as it must be.
const STATUS_USAGE: u8 = 2;

/// Runs the command; `arguments` begin with the program's name. Returns the exit status; the process itself is ended only
/// by whoever interrupts a running command twice.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    ExitCode::from(status_of(arguments))
}

/// The same, for callers that need the number.
pub fn status_of(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    start_log();
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    match carry_out(arguments) {
        Ok(status) => status,
        Err(error) => {
            complain(&error);
            if error.code == Code::Cancelled {
                interrupt::STATUS_INTERRUPTED
            } else {
                STATUS_FAILED
            }
        }
    }
}

fn carry_out(arguments: Arguments) -> Result<u8> {
    let keys = arguments.key_file.map_or(KeySource::Kept, KeySource::File);
    match arguments.command {
        Command::Master(wanted) => serve::master(wanted, &keys),
        Command::Slave(wanted) => slave::slave(wanted, keys),
        Command::Submit(wanted) => submit::submit(*wanted, &keys),
        Command::Vcs(wanted) => versions::vcs(wanted),
        Command::Results(wanted) => results::results(wanted, &keys),
        Command::Jobs { to } => ask::jobs(&to, &keys),
        Command::Slaves { to } => slaves::slaves(&to, &keys),
        Command::Job { job } => ask::job(&job, &keys),
        Command::PauseSlave { slave } => slaves::steer(&slave, &keys, slaves::Steering::Pause),
        Command::ResumeSlave { slave } => slaves::steer(&slave, &keys, slaves::Steering::Resume),
        Command::TagSlave { slave, tags, own } => slaves::tag(&slave, &keys, (!own).then(|| names::named(tags))),
        Command::EndSlave { slave } => slaves::steer(&slave, &keys, slaves::Steering::End),
        Command::Pause { job } => ask::change(&job, &keys, ask::Change::Pause),
        Command::Resume { job } => ask::change(&job, &keys, ask::Change::Resume),
        Command::Cancel { id, to, .. } => manage::cancel(id, to, &keys),
        Command::Remove { job, keep_results } => manage::remove(&job, keep_results, &keys),
        Command::Edit(wanted) => manage::edit(*wanted, &keys),
        Command::Reset(wanted) => manage::reset(wanted, &keys),
        Command::Blacklist(wanted) => manage::blacklist(&wanted, &keys),
        Command::Settings(wanted) => manage::settings(&wanted, &keys),
        Command::Log {
            job,
            frame,
            tile,
            follow,
        } => log::log(&job, frame, tile, follow, &keys),
        Command::Archive { job, file } => archive::archive(&job, &file, &keys),
        Command::Restore { file, to } => archive::restore(&file, &to, &keys),
        Command::Explain(wanted) => rules::explain(&wanted, &keys),
        Command::Rules(wanted) => rules::rules(wanted, &keys),
        Command::Compare { left, right, json } => compare::compare(&left, &right, json),
        Command::Key { action } => key::key(action, &keys),
        Command::Masters { json } => masters::masters(json),
        Command::Trust { master } => key::trust(&master, &keys),
    }
}

fn connect(choice: &MasterChoice, keys: &KeySource) -> Result<Client> {
    let client = Client::connect(&choice.master, keys, Duration::from_secs(CONNECT_TIMEOUT_S))?;
    if client.is_open() {
        screen::note(&format!(
            "the master at {} is open: anybody on the network may use it and see its jobs",
            client.url()
        ));
    }
    if let Some(fingerprint) = client.newly_trusted() {
        screen::note(&format!(
            "first meeting with the master at {}: its certificate {fingerprint} is trusted from now on",
            client.url()
        ));
    }
    Ok(client)
}

/// One line of what failed, and one of what to try.
fn complain(error: &Error) {
    screen::note(&format!("netrender: {}", error.message));
    if let Some(hint) = &error.hint {
        screen::note(&format!("hint: {hint}"));
    }
}

/// Help and version are asked for; everything else is a command that was written wrongly.
fn refuse(error: &clap::Error) -> u8 {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return screen::say(&error.to_string()).map_or(STATUS_FAILED, |()| STATUS_OK);
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        screen::note(&error.to_string());
        return STATUS_USAGE;
    }
    complain(&Error::bad_input(usage::sentence(error)).hint("add --help to see what can be written"));
    STATUS_USAGE
}

fn start_log() {
    let filter =
        tracing_subscriber::EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    // A second command in one process logs as the first one does.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .try_init();
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_arguments_are_free_of_contradictions() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn frames_are_checked_before_anything_is_done() {
        for frames in ["5-1", "a-b", "1-10000000", "1-10x0"] {
            let error = parse(&format!("netrender submit a.blend --frames {frames}")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ValueValidation, "{frames}");
        }
        assert!(parse("netrender submit a.blend --frames -5--1").is_ok());
        assert!(parse("netrender log 7k3vq9xd -3").is_ok());
    }

    #[test]
    fn what_would_change_nothing_without_another_option_is_refused() {
        for (alone, with) in [
            ("--tiles-exact", "--tiles 2x2"),
            ("--bake-order Flag", "--bake"),
            ("--bake-order Flag", "--bake-first"),
        ] {
            let line = format!("netrender submit a.blend {alone}");
            assert_eq!(parse(&line).unwrap_err().kind(), ErrorKind::MissingRequiredArgument, "{line}");
            assert!(parse(&format!("{line} {with}")).is_ok(), "{line} {with}");
        }
    }

    #[test]
    fn a_key_file_can_be_named_anywhere() {
        for line in ["netrender --key-file k jobs", "netrender jobs --key-file k --json"] {
            assert_eq!(parse(line).unwrap().key_file, Some("k".into()));
        }
    }
}
