//! The plain `netrender` binary, for machines without Python.

use std::process::ExitCode;

fn main() -> ExitCode {
    netrender::cli::run(std::env::args_os())
}
