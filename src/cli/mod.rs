//! The `netrender` command.

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the command; `arguments` begin with the program's name. Never ends the process: it may be an artist's Blender.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let _ = arguments;
    ExitCode::from(2)
}
