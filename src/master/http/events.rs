//! Following a master: server-sent events that name what changed.
//!
//! A follower costs one task and one place in the ring of [`crate::master::feed`]; what it has not read stays with its
//! connection, bounded, and one that reads nothing for a while is hung up on.

use super::body::Asked;
use super::{Shared, parse};
use crate::error::Error;
use crate::ids::JobId;
use crate::master::actor::no_job;
use crate::master::fault::Fault;
use crate::master::feed::{Feed, News, Place, Tally};
use crate::master::serve::Hangup;
use crate::wire::{Changes, EVENT_CHANGES, EVENT_RESET, FaultBody};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncWriteExt as _, DuplexStream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_util::io::ReaderStream;

/// Most followers at once.
pub(in crate::master) const FOLLOWERS_MAX: usize = 1_000;
/// Pause between two events to one follower unless it asks for another: four a second are enough for people.
const PAUSE_MS_DEFAULT: u64 = 250;
/// Shortest and longest such pause.
const PAUSE_MS_RANGE: std::ops::RangeInclusive<u64> = 10..=60_000;
/// How long nothing may be said: a follower then knows that the connection still stands, and the master that it does.
const HEARTBEAT_S: u64 = 15;
/// How long a follower may take to read what it was sent.
const READ_TIMEOUT_S: u64 = 30;
/// Bytes that wait for a follower's connection.
const BYTES_AHEAD: usize = 1 << 16;
/// What the last event was called, when a follower comes back.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// Tell of this job only; none: of everything.
    job: Option<String>,
    /// Shortest pause between two events, 10 to 60000; what happens meanwhile comes in one.
    #[serde(default = "pause_ms_default")]
    pause_ms: u64,
    /// The id of the event to go on after, for those who cannot send `Last-Event-ID` the first time.
    after: Option<String>,
}

fn pause_ms_default() -> u64 {
    PAUSE_MS_DEFAULT
}

/// Tells what changes, as it changes: server-sent events `reset` (read everything anew; comes first) and `changes`.
/// With the header `Last-Event-ID`, or else with `after`, it goes on where an earlier stream ended.
#[utoipa::path(get, path = "/events",
    params(EventsQuery, ("last-event-id" = Option<String>, Header, description = "The id of the last event that was read")),
    responses((status = 200, body = Changes, content_type = "text/event-stream"), (status = "default", body = FaultBody)))]
pub(super) async fn follow(
    State(app): Shared,
    Asked(query): Asked<EventsQuery>,
    headers: HeaderMap,
    hangup: Option<Extension<Hangup>>,
) -> Result<Response, Fault> {
    let job: Option<JobId> = query.job.as_deref().map(parse).transpose()?;
    if let Some(job) = job
        && !app.desk.look(move |state| state.jobs.contains_key(&job)).await?
    {
        return Err(no_job(job).into());
    }
    let seat = Arc::clone(&app.followers).try_acquire_owned().map_err(|_| {
        Error::unreachable(format!("{FOLLOWERS_MAX} others follow this master already")).hint("try again in a moment")
    })?;
    let (read, write) = tokio::io::duplex(BYTES_AHEAD);
    let follower = Follower {
        feed: Arc::clone(&app.feed),
        news: app.feed.subscribe(),
        // Who says nothing that we understand starts anew.
        place: headers
            .get(LAST_EVENT_ID)
            .and_then(|id| id.to_str().ok())
            .or(query.after.as_deref())
            .and_then(|id| id.parse().ok()),
        job,
        pause: Duration::from_millis(query.pause_ms.clamp(*PAUSE_MS_RANGE.start(), *PAUSE_MS_RANGE.end())),
        connection: write,
        read_timeout: Duration::from_secs(READ_TIMEOUT_S),
        _seat: seat,
    };
    tokio::spawn(async move {
        // Only closing the connection frees what it holds: its reader takes nothing.
        if let (Gone::Silent, Some(Extension(hangup))) = (follower.tell().await, hangup) {
            hangup.now();
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from_stream(ReaderStream::new(read))).into_response())
}

/// One who follows.
struct Follower {
    feed: Arc<Feed>,
    news: watch::Receiver<Tally>,
    place: Option<Place>,
    job: Option<JobId>,
    pause: Duration,
    connection: DuplexStream,
    read_timeout: Duration,
    _seat: OwnedSemaphorePermit,
}

/// Why there is nobody to tell any more.
#[derive(Debug, PartialEq, Eq)]
enum Gone {
    /// The connection is closed.
    Closed,
    /// It is open, and nobody reads.
    Silent,
}

impl Follower {
    async fn tell(mut self) -> Gone {
        loop {
            if let Err(gone) = self.say_news().await {
                return gone;
            }
            tokio::time::sleep(self.pause).await;
            let heard = tokio::time::timeout(Duration::from_secs(HEARTBEAT_S), self.news.changed()).await;
            if self.news.borrow().ended {
                return Gone::Closed;
            }
            if heard.is_err()
                && let Err(gone) = self.say(": still here\n\n").await
            {
                return gone;
            }
        }
    }

    async fn say_news(&mut self) -> Result<(), Gone> {
        // First, so that what changes from here on counts as new.
        self.news.mark_unchanged();
        let (next, news) = self.feed.since(self.place, self.job);
        self.place = Some(next);
        match news {
            News::None => Ok(()),
            News::Reset => self.say(&event(next, EVENT_RESET, "{}")).await,
            News::Changes(changes) => {
                // It is made of ids and numbers, which can always be written.
                let data = serde_json::to_string(&changes).unwrap_or_default();
                self.say(&event(next, EVENT_CHANGES, &data)).await
            }
        }
    }

    async fn say(&mut self, text: &str) -> Result<(), Gone> {
        let saying = self.connection.write_all(text.as_bytes());
        match tokio::time::timeout(self.read_timeout, saying).await {
            Ok(said) => said.map_err(|_| Gone::Closed),
            Err(_) => Err(Gone::Silent),
        }
    }
}

fn event(place: Place, name: &str, data: &str) -> String {
    format!("id: {place}\nevent: {name}\ndata: {data}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::feed::Changed;
    use tokio::io::AsyncReadExt as _;
    use tokio::sync::Semaphore;

    fn follower(seats: &Arc<Semaphore>, feed: &Arc<Feed>) -> (Follower, DuplexStream) {
        let (read, write) = tokio::io::duplex(64);
        let follower = Follower {
            feed: Arc::clone(feed),
            news: feed.subscribe(),
            place: None,
            job: None,
            pause: Duration::from_millis(1),
            connection: write,
            read_timeout: Duration::from_millis(20),
            _seat: Arc::clone(seats).try_acquire_owned().unwrap(),
        };
        (follower, read)
    }

    #[tokio::test]
    async fn one_that_reads_nothing_or_has_gone_is_forgotten_and_leaves_its_seat() {
        let (seats, feed) = (Arc::new(Semaphore::new(1)), Arc::new(Feed::new(7)));

        let (mut silent, held) = follower(&seats, &feed);
        silent.place = Some(feed.since(None, None).0);
        feed.add((0..100).map(|job| Changed::Job(JobId::from_bits(job))));
        assert_eq!(silent.tell().await, Gone::Silent);
        drop(held);

        let (gone, read) = follower(&seats, &feed);
        drop(read);
        assert_eq!(gone.tell().await, Gone::Closed);

        let (reading, mut read) = follower(&seats, &feed);
        let telling = tokio::spawn(reading.tell());
        let mut told = [0; 32];
        read.read_exact(&mut told).await.unwrap();
        assert!(String::from_utf8_lossy(&told).starts_with("id: 7-100\nevent: reset\n"));
        feed.end();
        let mut rest = Vec::new();
        read.read_to_end(&mut rest).await.unwrap();
        assert_eq!(telling.await.unwrap(), Gone::Closed);
        assert_eq!(seats.available_permits(), 1);
    }
}
