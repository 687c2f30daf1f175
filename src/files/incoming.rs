//! A body on its way in, as the side sees it that waits for the disk.

use super::packing::unpack;
use crate::error::{Error, Result};

/// A body that comes piece by piece, some at a time.
pub struct Incoming<P> {
    next: Box<dyn FnMut() -> Result<Option<Vec<P>>>>,
    here: std::vec::IntoIter<P>,
    bytes_max: u64,
    length: u64,
    is_complete: bool,
}

impl<P: AsRef<[u8]>> Incoming<P> {
    /// `next` waits for pieces; none is the end, and an error that there will be no end. More than `bytes_max` are refused.
    pub fn new(next: impl FnMut() -> Result<Option<Vec<P>>> + 'static, bytes_max: u64) -> Self {
        Self {
            next: Box::new(next),
            here: Vec::new().into_iter(),
            bytes_max,
            length: 0,
            is_complete: false,
        }
    }

    /// Hands each piece over until the body is complete. Fails if it is longer than it may be, or ends early.
    pub fn for_each(&mut self, mut write: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        while let Some(piece) = self.next()? {
            write(piece.as_ref())?;
        }
        Ok(())
    }

    /// The same, and if the body is packed, hands over what it is when unpacked: at most so many bytes.
    pub fn for_each_plain(
        &mut self,
        is_packed: bool,
        plain_bytes_max: u64,
        write: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        if !is_packed {
            return self.for_each(write);
        }
        let mut packed = Packed {
            incoming: self,
            piece: None,
            taken: 0,
            failure: None,
        };
        let unpacked = unpack(&mut packed, plain_bytes_max, write);
        // Why the body broke off says more than that it cannot be unpacked.
        packed.failure.map_or(unpacked, Err)
    }

    /// The next piece; none once the body is complete, however often that is asked.
    fn next(&mut self) -> Result<Option<P>> {
        let piece = loop {
            if let Some(piece) = self.here.next() {
                break piece;
            }
            if self.is_complete {
                return Ok(None);
            }
            match (self.next)()? {
                Some(pieces) => self.here = pieces.into_iter(),
                None => self.is_complete = true,
            }
        };
        self.length += piece.as_ref().len() as u64;
        if self.length > self.bytes_max {
            return Err(Error::bad_input(format!(
                "the body is longer than the {} bytes that were announced",
                self.bytes_max
            )));
        }
        Ok(Some(piece))
    }
}

/// A packed body as it is read.
struct Packed<'a, P> {
    incoming: &'a mut Incoming<P>,
    piece: Option<P>,
    /// How much of the piece was read.
    taken: usize,
    failure: Option<Error>,
}

impl<P: AsRef<[u8]>> std::io::Read for Packed<'_, P> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let rest = self.piece.as_ref().map_or(&[][..], |piece| &piece.as_ref()[self.taken..]);
            if !rest.is_empty() {
                let length = buffer.len().min(rest.len());
                buffer[..length].copy_from_slice(&rest[..length]);
                self.taken += length;
                return Ok(length);
            }
            self.taken = 0;
            self.piece = match self.incoming.next() {
                Ok(None) => return Ok(0),
                Ok(piece) => piece,
                Err(error) => {
                    let message = error.message.clone();
                    self.failure = Some(error);
                    return Err(std::io::Error::other(message));
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::packing::pack;
    use super::*;

    /// What comes out of these pieces; without an end the sender has gone.
    fn come_out(pieces: &[&'static [u8]], has_end: bool, is_packed: bool, bytes_max: u64) -> Result<Vec<u8>> {
        let mut some = pieces.chunks(3).map(<[_]>::to_vec).collect::<Vec<_>>().into_iter();
        let next = move || match some.next() {
            None if !has_end => Err(Error::unreachable("the sender has gone")),
            pieces => Ok(pieces),
        };
        let mut found = Vec::new();
        Incoming::new(next, bytes_max).for_each_plain(is_packed, 1_000, |piece| {
            found.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn an_empty_body_ends_once() {
        for is_packed in [false, true] {
            let mut ends = 0;
            let next = move || {
                ends += 1;
                assert_eq!(ends, 1, "nobody waits for more than the end");
                Ok(None::<Vec<&[u8]>>)
            };
            Incoming::new(next, 10).for_each_plain(is_packed, 10, |_| Ok(())).unwrap();
        }
    }

    #[test]
    fn a_body_comes_out_as_it_went_in_packed_or_not() {
        let plain = b"v 0.1 0.2 0.3\n".repeat(50);
        let mut packed = Vec::new();
        pack(&plain[..], &mut packed, |_| ()).unwrap();
        for (body, is_packed) in [(plain.clone(), false), (packed, true)] {
            let body: &'static [u8] = body.leak();
            let pieces: Vec<&[u8]> = body.chunks(7).chain([&b""[..]]).collect();
            assert_eq!(come_out(&pieces, true, is_packed, 1_000).unwrap(), plain);
            let sentence = |has_end, bytes_max| come_out(&pieces, has_end, is_packed, bytes_max).unwrap_err().to_string();
            assert!(sentence(true, 20).contains("longer than the 20 bytes"));
            assert!(sentence(false, 1_000).contains("the sender has gone"));
            let cut = come_out(&[&body[..20]], false, is_packed, 1_000).unwrap_err().to_string();
            assert!(cut.contains("the sender has gone"), "{cut}");
        }
    }
}
