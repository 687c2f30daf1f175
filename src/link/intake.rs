//! Long bodies on their way in: from the network to a thread that may wait for the disk, a bounded number of pieces behind.

use super::transfer::Pieces;
use crate::error::{Error, Result};
use std::future::Future;
use tokio::sync::mpsc;
use tokio_util::bytes::Bytes;

/// Handfuls of pieces that may be ahead of the disk, …
const AHEAD_MAX: usize = 8;
/// … each of so many bytes. Over TLS they come in pieces of 16 KiB, and to wake a thread for each of them costs as much as to
/// decrypt it.
const HANDFUL_BYTES: usize = 256 << 10;

/// What comes piece by piece.
pub trait Body: Send {
    /// The next piece; none at the end. An error is that there will be no end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>>> + Send;
}

impl Body for Pieces {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        Self::next(self).await
    }
}

/// The side of a body that waits for pieces: none is its end.
pub type NextPieces = Box<dyn FnMut() -> Result<Option<Vec<Bytes>>> + Send>;

/// What comes into the thread.
enum Fed {
    Pieces(Vec<Bytes>),
    /// The body is complete. Without this its sender has gone, or whoever wanted it.
    End,
}

/// Lets `take` have a body in a thread that may block. Whatever happens to the caller, `take` runs to its end, so that it can
/// clean up after itself; it hears soon that nobody wants it any more.
pub async fn hand_over<T: Send + 'static>(
    body: &mut impl Body,
    take: impl FnOnce(NextPieces) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (sender, mut fed) = mpsc::channel(AHEAD_MAX);
    let taking = tokio::task::spawn_blocking(move || {
        take(Box::new(move || match fed.blocking_recv() {
            Some(Fed::Pieces(pieces)) => Ok(Some(pieces)),
            Some(Fed::End) => Ok(None),
            None => Err(Error::unreachable("the transfer was given up")),
        }))
    });
    let fed = feed(body, &sender).await;
    drop(sender);
    let taken = taking
        .await
        .unwrap_or_else(|error| Err(Error::internal(format!("a transfer was dropped: {error}"))));
    match (fed, taken) {
        // Why the body broke off says more than that it did.
        (Err(error), Err(_)) => Err(error),
        (_, taken) => taken,
    }
}

/// Ends without an error if the taker has had enough: it says why itself.
async fn feed(body: &mut impl Body, sender: &mpsc::Sender<Fed>) -> Result<()> {
    let mut handful = Handful::default();
    let ended = loop {
        match body.next().await {
            Ok(Some(piece)) => {
                if let Some(pieces) = handful.add(piece)
                    && sender.send(Fed::Pieces(pieces)).await.is_err()
                {
                    return Ok(());
                }
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    // What came before a body broke off need not come again.
    let _ = sender.send(Fed::Pieces(handful.pieces)).await;
    if ended.is_ok() {
        let _ = sender.send(Fed::End).await;
    }
    ended
}

/// Pieces, gathered until they are worth handing over.
#[derive(Default)]
struct Handful {
    pieces: Vec<Bytes>,
    bytes: usize,
}

impl Handful {
    /// Adds a piece; hands all of them out once they are many bytes.
    fn add(&mut self, piece: Bytes) -> Option<Vec<Bytes>> {
        self.bytes += piece.len();
        self.pieces.push(piece);
        (self.bytes >= HANDFUL_BYTES).then(|| {
            self.bytes = 0;
            std::mem::take(&mut self.pieces)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many pieces of a quarter of a handful, then the end, or none.
    struct Made {
        left: usize,
        has_end: bool,
    }

    impl Body for Made {
        async fn next(&mut self) -> Result<Option<Bytes>> {
            if self.left == 0 {
                return self
                    .has_end
                    .then_some(None)
                    .ok_or_else(|| Error::timeout("nothing more came"));
            }
            self.left -= 1;
            Ok(Some(Bytes::from(vec![0; HANDFUL_BYTES / 4])))
        }
    }

    async fn handfuls(left: usize, has_end: bool) -> (Result<()>, Vec<usize>) {
        let (tell, told) = std::sync::mpsc::channel();
        let take = move |mut next: NextPieces| {
            while let Some(pieces) = next()? {
                tell.send(pieces.len()).unwrap();
            }
            Ok(())
        };
        let taken = hand_over(&mut Made { left, has_end }, take).await;
        (taken, told.iter().collect())
    }

    #[tokio::test]
    async fn pieces_are_handed_over_together_and_none_is_left_behind() {
        let (taken, told) = handfuls(9, true).await;
        taken.unwrap();
        assert_eq!(told, [4, 4, 1]);
    }

    #[tokio::test]
    async fn what_came_before_a_body_broke_off_is_handed_over_and_why_it_broke_off_is_told() {
        let (taken, told) = handfuls(5, false).await;
        assert_eq!(taken.unwrap_err().message, "nothing more came");
        assert_eq!(told, [4, 1]);
    }

    #[tokio::test]
    async fn a_taker_that_has_had_enough_says_why() {
        let enough = |_: NextPieces| Err::<(), _>(Error::bad_input("the disk is full"));
        let body = &mut Made {
            left: 1_000,
            has_end: true,
        };
        assert_eq!(hand_over(body, enough).await.unwrap_err().message, "the disk is full");
    }
}
