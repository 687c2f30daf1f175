//! The one error type of everything above the brain: a kind that callers act on, a sentence that people read.
//!
//! Which to use: below (in `ids`, `farm`) each module has its own small type, because callers there act on the details.
//! Everywhere else a failure ends up before a person or a remote peer, and those need the same three things: what kind it
//! is, what failed on what, and what to try.

use std::fmt;

/// Longest sentence: what somebody sent is quoted in it, however long that was.
const MESSAGE_BYTES_MAX: usize = 1_000;

/// What a caller can do about a failure. A variant exists only if someone acts on it differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// What was asked for makes no sense as it is: change it, then ask again.
    BadInput,
    /// No such job, frame, slave or content here (any more).
    NotFound,
    /// The farm's key is missing or wrong, or the peer could not prove that it has it.
    Unauthorized,
    /// The key is one of the farm, but not for this.
    Forbidden,
    /// It contradicts what happened in the meantime (a stale attempt, a finished job): drop it, do not repeat it.
    Conflict,
    /// The two sides speak different versions: update one.
    VersionMismatch,
    /// Nobody answers: try again later, nothing was lost.
    Unreachable,
    /// It took longer than allowed.
    Timeout,
    /// A disk is full or a file cannot be read or written.
    Storage,
    /// Blender (or its module) is missing, crashed or refused the scene.
    Blender,
    /// This machine's Blender lacks what the scene takes: another machine may have it.
    Unfit,
    /// The handle was stopped, or the program is about to end.
    Stopped,
    /// The user interrupted it.
    Cancelled,
    /// A fault of netrender itself.
    Internal,
}

impl Code {
    /// All codes with their spelling on the wire.
    pub const ALL: [(Self, &'static str); 14] = [
        (Self::BadInput, "bad_input"),
        (Self::NotFound, "not_found"),
        (Self::Unauthorized, "unauthorized"),
        (Self::Forbidden, "forbidden"),
        (Self::Conflict, "conflict"),
        (Self::VersionMismatch, "version_mismatch"),
        (Self::Unreachable, "unreachable"),
        (Self::Timeout, "timeout"),
        (Self::Storage, "storage"),
        (Self::Blender, "blender"),
        (Self::Unfit, "unfit"),
        (Self::Stopped, "stopped"),
        (Self::Cancelled, "cancelled"),
        (Self::Internal, "internal"),
    ];

    /// The code's spelling on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(code, _)| *code == self)
            .map_or("internal", |(_, text)| text)
    }

    /// The code with this spelling; one that a newer peer knows and we do not is an internal error to us.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self::ALL
            .iter()
            .find(|(_, spelling)| *spelling == text)
            .map_or(Self::Internal, |(code, _)| *code)
    }
}

/// A failure: one sentence of what failed on what (lower case, no final stop), and perhaps a hint of what to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What a caller can do about it.
    pub code: Code,
    /// What failed, on what.
    pub message: String,
    /// What to try.
    pub hint: Option<String>,
}

/// What everything above the brain returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $code:ident),* $(,)?) => {
        impl Error {
            $(
                $(#[$doc])*
                pub fn $name(message: impl Into<String>) -> Self {
                    Self { code: Code::$code, message: bounded(message.into()), hint: None }
                }
            )*
        }
    };
}

constructors! {
    /// What was asked for makes no sense.
    bad_input => BadInput,
    /// There is no such thing here.
    not_found => NotFound,
    /// Without the right key.
    unauthorized => Unauthorized,
    /// With a key that is not for this.
    forbidden => Forbidden,
    /// It contradicts what happened meanwhile.
    conflict => Conflict,
    /// Versions that do not fit.
    version_mismatch => VersionMismatch,
    /// Nobody answers.
    unreachable => Unreachable,
    /// It took too long.
    timeout => Timeout,
    /// A disk or file that fails.
    storage => Storage,
    /// Blender fails.
    blender => Blender,
    /// A Blender that lacks something.
    unfit => Unfit,
    /// Stopped, or about to.
    stopped => Stopped,
    /// Interrupted by the user.
    cancelled => Cancelled,
    /// A fault of our own.
    internal => Internal,
}

impl Error {
    /// The same failure, with what to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A file operation that failed: `io("write", path, &error)` reads "cannot write /x: no space left on device".
    #[must_use]
    pub fn io(verb: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        let failure = Self::storage(format!("cannot {verb} {}: {}", path.display(), plain(error)));
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                failure.hint("free some space, then try again")
            }
            std::io::ErrorKind::PermissionDenied => failure.hint("check the permissions, or choose another folder"),
            _ => failure,
        }
    }
}

/// Leaves out the middle of a sentence that is too long: it begins with what failed and ends with why.
fn bounded(message: String) -> String {
    if message.len() <= MESSAGE_BYTES_MAX {
        return message;
    }
    let beginning = message.floor_char_boundary(MESSAGE_BYTES_MAX / 2);
    let end = message.ceil_char_boundary(message.len() - MESSAGE_BYTES_MAX / 2);
    format!("{} … {}", &message[..beginning], &message[end..])
}

/// The system's words for an error, without its number.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

impl From<crate::ids::ParseError> for Error {
    fn from(error: crate::ids::ParseError) -> Self {
        Self::bad_input(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_read_back_from_its_spelling() {
        for (code, text) in Code::ALL {
            assert_eq!(code.as_str(), text);
            assert_eq!(Code::from_text(text), code);
        }
        assert_eq!(Code::from_text("of_the_future"), Code::Internal);
    }

    #[test]
    fn what_is_quoted_at_length_loses_its_middle() {
        let told = Error::bad_input(format!("the name {:?} is too long", "ä".repeat(5_000))).message;
        assert!(
            told.starts_with("the name \"ää") && told.ends_with("ää\" is too long"),
            "{told}"
        );
        assert!(told.len() < 2 * MESSAGE_BYTES_MAX && told.contains(" … "));
    }

    #[test]
    fn a_file_error_names_the_file_and_says_what_to_try() {
        let error = Error::io(
            "write",
            std::path::Path::new("/x/y"),
            &std::io::Error::from(std::io::ErrorKind::StorageFull),
        );
        assert_eq!(
            error.to_string(),
            "cannot write /x/y: no storage space; free some space, then try again"
        );
    }
}
