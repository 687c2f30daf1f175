//! Processes that Blender's children leave behind: with their parent gone they become children of this one, if it wants that.
//!
//! A process that left its group, emptied its environment and lost its parent cannot be told from any other of the machine,
//! unless the system hands it to us. That is a wish for a whole process: a slave's own, never an artist's Blender.

use sysinfo::{Pid, Process, ProcessRefreshKind, ProcessesToUpdate, System};

/// From now on, processes that lose their parent below this one become its children (Linux; elsewhere nothing happens).
pub fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    // Old kernels do not know it: then the marks in the environment have to do.
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// How to tell processes that came to us from those that we started.
#[derive(Debug)]
pub(super) struct Adopted {
    own: Pid,
    /// 0 if its head lives outside of the container.
    own_session: Pid,
}

impl Adopted {
    /// None if nobody comes to us.
    #[cfg(target_os = "linux")]
    pub(super) fn look_for() -> Option<Self> {
        if !rustix::process::child_subreaper().is_ok_and(|it| it.is_some()) {
            return None;
        }
        let own = Pid::from_u32(std::process::id());
        let mut system = System::new().ok()?;
        // Not by rustix: its getsid knows no session 0.
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), true, ProcessRefreshKind::nothing());
        let own_session = system.process(own)?.session_id()?;
        Some(Self { own, own_session })
    }

    /// None if nobody comes to us.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn look_for() -> Option<Self> {
        None
    }

    /// What we start stays in our session. Whoever left its group without leaving the session is marked, or was killed with
    /// the group.
    pub(super) fn are(&self, process: &Process) -> bool {
        let is_ours = process.parent() == Some(self.own);
        is_ours && process.session_id().is_some_and(|session| session != self.own_session)
    }
}

/// Takes note of the end of a process that came to us; of others nothing happens.
pub(super) fn reap(process: &Process) {
    #[cfg(target_os = "linux")]
    if let Some(adopted) = Adopted::look_for()
        && adopted.are(process)
        && let Some(pid) = i32::try_from(process.pid().as_u32())
            .ok()
            .and_then(rustix::process::Pid::from_raw)
    {
        // It may take a moment to die: the next look reaps it then.
        let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::NOHANG);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = process;
}
