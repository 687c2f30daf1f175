//! The Python face: frozen handles over masters, slaves and clients. The stub `netrender_core/_core.pyi` is its contract.
//!
//! Every method makes four moves: extract the arguments, release the interpreter, block, convert the result. What is longer
//! belongs below.
//!
//! Absences: nothing here, and nothing below, ever calls into Python from a thread of ours.

mod asking;
mod bakes;
mod client;
mod error;
mod find;
mod finishing;
mod keys;
mod later;
mod master;
mod moving;
mod own;
mod pending;
mod rules;
mod settings;
mod slave;
mod values;
mod versions;
mod watching;

use pyo3::prelude::*;

/// How long the end of a `with` block may take.
const STOP_TIMEOUT_S: f64 = 5.0;

/// The native part of netrender.
#[pymodule]
mod _core {
    #[pymodule_export]
    use super::bakes::Bakes;
    #[pymodule_export]
    use super::client::Client;
    #[pymodule_export]
    use super::error::{InvalidJob, NetrenderError, NotFound, Refused, Stopped, Timeout, Unreachable, VersionMismatch};
    #[pymodule_export]
    use super::find::{find_masters, start_find_masters};
    #[pymodule_export]
    use super::finishing::{Finish, FinishProgress};
    #[pymodule_export]
    use super::keys::{add_key, key_line, known_farms, own_key, start_trust, trust};
    #[pymodule_export]
    use super::later::Later;
    #[pymodule_export]
    use super::main;
    #[pymodule_export]
    use super::master::{Master, MasterStatus};
    #[pymodule_export]
    use super::moving::{Gather, GatheredFrame, Progress, Submission};
    #[pymodule_export]
    use super::pending::Pending;
    #[pymodule_export]
    use super::rules::{Rule, Rules};
    #[pymodule_export]
    use super::settings::FarmSettings;
    #[pymodule_export]
    use super::slave::{Slave, SlaveStatus};
    #[pymodule_export]
    use super::values::{Ban, ExrInfo, FrameInfo, Happening, JobInfo, MasterFound, SlaveInfo, exr_info};
    #[pymodule_export]
    use super::versions::{JobSource, VersionGuess, guess_version, start_guess_version};

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        super::error::set_default_code(module.py())
    }
}

/// The `netrender` command with its arguments (without the program's name); returns its exit status.
#[pyfunction]
fn main(py: Python<'_>, arguments: Vec<std::ffi::OsString>) -> u8 {
    let arguments = std::iter::once("netrender".into()).chain(arguments);
    py.detach(|| crate::cli::status_of(arguments))
}
