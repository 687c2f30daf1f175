//! What a master's answer means.

use super::address::MasterAddress;
use crate::error::{Code, Error, Result};
use crate::tls::speaks_no_tls;
use crate::wire::FaultBody;
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;

/// Longest pause within an answer. Longer than the longest wait for work, which sends nothing meanwhile.
pub(super) const READ_TIMEOUT_S: u64 = 90;
/// Longest pause within an upload, and before its answer: the master may have to hash what it has of a long content first.
pub(super) const STALL_TIMEOUT_S: u64 = 180;
/// Longest answer that is kept in memory.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Passes an answer on if it is a success, or if what the caller has is still so, and makes an error of the master's own words if
/// not.
pub(super) async fn success(response: Response) -> Result<Response> {
    let status = response.status();
    if status.is_success() || status == StatusCode::NOT_MODIFIED {
        return Ok(response);
    }
    let body = bytes(response).await.unwrap_or_default();
    Err(match serde_json::from_slice::<FaultBody>(&body) {
        Ok(fault) => of_master(fault),
        Err(_) => Error::internal(format!("the master answered {status} without an explanation")),
    })
}

/// The master's failure, as it reads here.
fn of_master(fault: FaultBody) -> Error {
    let code = Code::from_text(&fault.code);
    let message = match code {
        // Whoever reads of a full disk must know which one.
        Code::Storage => format!("on the master's machine: {}", fault.message),
        _ => fault.message,
    };
    Error {
        code,
        message,
        hint: fault.hint,
    }
}

/// The answer as JSON; one without a body is `null`.
pub(super) async fn json<T: DeserializeOwned>(response: Response) -> Result<T> {
    let mut body = bytes(response).await?;
    if body.is_empty() {
        body.extend_from_slice(b"null");
    }
    serde_json::from_slice(&body).map_err(|error| Error::internal(format!("the master's answer is not understood: {error}")))
}

/// The answer as text; bytes that are no UTF-8 are replaced.
pub(super) async fn text(response: Response) -> Result<String> {
    bytes(response).await.map(|body| String::from_utf8_lossy(&body).into_owned())
}

/// The answer as it came.
pub(super) async fn bytes(mut response: Response) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(Error::internal("the master's answer is longer than 64 MiB"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Nobody answers.
pub(super) fn unreachable(address: &MasterAddress, error: &reqwest::Error) -> Error {
    if speaks_no_tls(error) {
        return Error::unreachable(format!("what answers at {address} does not speak TLS"))
            .hint(format!("a master without TLS is called http://{}", address.host()));
    }
    let why = if error.is_timeout() {
        "it does not answer in time".to_owned()
    } else {
        innermost(error)
    };
    Error::unreachable(format!("cannot reach the master at {address}: {why}"))
        .hint("check that it runs and that the address is right")
}

/// The connection broke in the middle.
pub(super) fn broken(error: &reqwest::Error) -> Error {
    Error::unreachable(format!("the connection to the master broke: {}", innermost(error)))
}

/// The last cause, which is the one that people understand ("connection refused").
pub(super) fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    in_words(&cause.to_string())
}

/// What libraries say, as people say it.
fn in_words(cause: &str) -> String {
    let text = cause.split(" (os error").next().unwrap_or(cause).to_lowercase();
    let known = [
        ("failed to lookup address", "no machine of this name is known"),
        ("close_notify", "it ended in the middle"),
        ("incompletemessage", "it ended in the middle"),
        ("connection closed before message completed", "it ended in the middle"),
    ];
    let words = known.iter().find(|(theirs, _)| text.contains(theirs));
    words.map_or(text.clone(), |(_, ours)| (*ours).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_in_words() {
        let unknown = "failed to lookup address information: Name or service not known";
        assert_eq!(in_words(unknown), "no machine of this name is known");
        let torn = "peer closed connection without sending TLS close_notify: https://docs.rs/…";
        assert_eq!(in_words(torn), "it ended in the middle");
        assert_eq!(in_words("Connection refused (os error 111)"), "connection refused");
    }

    #[test]
    fn a_full_disk_of_the_master_is_not_taken_for_ones_own() {
        let fault = |code: &str, message: &str| FaultBody {
            code: code.to_owned(),
            message: message.to_owned(),
            hint: None,
        };
        let full = of_master(fault("storage", "cannot write x: no space left on device"));
        assert_eq!(full.code, Code::Storage);
        assert_eq!(
            full.message,
            "on the master's machine: cannot write x: no space left on device"
        );
        assert_eq!(of_master(fault("not_found", "no job 1")).message, "no job 1");
    }
}
