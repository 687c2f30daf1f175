//! Following a master: its server-sent events, one by one.

use super::answer;
use super::connect::Link;
use crate::error::{Error, Result};
use crate::ids::JobId;
use crate::wire::{Changes, EVENT_CHANGES, EVENT_RESET};
use reqwest::{Method, Response};
use std::time::Duration;

/// Longest event: what a master keeps for those who follow, all in one.
const EVENT_BYTES_MAX: usize = 4 << 20;

/// What a master told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Anything may have changed: read it anew.
    Reset,
    /// These things changed.
    Changes(Changes),
}

/// A stream of events. Its first one is a [`Told::Reset`].
#[derive(Debug)]
pub struct Events {
    response: Response,
    buffer: Vec<u8>,
}

impl Link {
    /// Begins to follow a job, or everything; events come at least `pause` apart.
    pub async fn follow(&self, job: Option<JobId>, pause: Duration) -> Result<Events> {
        let job = job.map_or_else(String::new, |job| format!("job={job}&"));
        let path = format!("events?{job}pause_ms={}", pause.as_millis());
        Ok(Events {
            response: self.send(self.request(Method::GET, &path)).await?,
            buffer: Vec::new(),
        })
    }
}

impl Events {
    /// The next event, however long that takes; fails when the connection breaks. Nothing is lost if the wait is given up.
    pub async fn next(&mut self) -> Result<Told> {
        loop {
            while let Some(event) = take_event(&mut self.buffer) {
                if let Some(told) = read(&event)? {
                    return Ok(told);
                }
            }
            if self.buffer.len() > EVENT_BYTES_MAX {
                return Err(Error::internal("the master sends an event that does not end"));
            }
            let chunk = self.response.chunk().await.map_err(|error| answer::broken(&error))?;
            let chunk = chunk.ok_or_else(|| Error::unreachable("the master ended the stream of its events"))?;
            self.buffer.extend_from_slice(&chunk);
        }
    }
}

/// Takes the first event off the buffer, once it is there to its empty line.
fn take_event(buffer: &mut Vec<u8>) -> Option<String> {
    let end = buffer.windows(2).position(|pair| pair == b"\n\n")?;
    let event = String::from_utf8_lossy(&buffer[..end]).into_owned();
    buffer.drain(..end + 2);
    Some(event)
}

/// Comments, and events of a newer master, say nothing.
fn read(event: &str) -> Result<Option<Told>> {
    let field = |name: &str| {
        let mut lines = event.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim_start))
    };
    match (field("event"), field("data")) {
        (Some(EVENT_RESET), _) => Ok(Some(Told::Reset)),
        (Some(EVENT_CHANGES), Some(data)) => serde_json::from_str(data)
            .map(|changes| Some(Told::Changes(changes)))
            .map_err(|error| Error::internal(format!("the master's event is not understood: {error}"))),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_however_they_are_cut() {
        let stream = "id: 1-1\nevent: reset\ndata: {}\n\n: still here\n\nid: 1-2\nevent: changes\n\
                      data: {\"jobs\":[],\"frames\":[],\"slaves\":[]}\n\nevent: of later\ndata: x\n\n";
        let mut buffer = Vec::new();
        let mut told = Vec::new();
        for byte in stream.bytes() {
            buffer.push(byte);
            if let Some(event) = take_event(&mut buffer) {
                told.extend(read(&event).unwrap());
            }
        }
        assert_eq!(told, [Told::Reset, Told::Changes(Changes::default())]);
        assert!(buffer.is_empty());
        assert!(read("event: changes\ndata: {").is_err());
    }
}
