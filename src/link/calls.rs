//! Questions to a master: short, each bounded in time.

use super::answer;
use super::connect::Link;
use crate::error::Result;
use reqwest::header::{ETAG, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How long a master may take to answer a question at which it does not have to wait.
const QUESTION_TIMEOUT_S: u64 = 30;

impl Link {
    /// `GET /api/v1/<path>`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let request = self
            .request(Method::GET, path)
            .timeout(Duration::from_secs(QUESTION_TIMEOUT_S));
        answer::json(self.send(request).await?).await
    }

    /// The same with the mark (`ETag`) of the answer; nothing if it is what the caller has, whose mark is `known`.
    pub async fn get_unless<T: DeserializeOwned>(&self, path: &str, known: Option<&str>) -> Result<Option<(T, Option<String>)>> {
        let mut request = self
            .request(Method::GET, path)
            .timeout(Duration::from_secs(QUESTION_TIMEOUT_S));
        if let Some(known) = known {
            request = request.header(IF_NONE_MATCH, known);
        }
        let response = self.send(request).await?;
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        let mark = response.headers().get(ETAG).and_then(|mark| mark.to_str().ok());
        let mark = mark.map(str::to_owned);
        Ok(Some((answer::json(response).await?, mark)))
    }

    /// `GET /api/v1/<path>` for a text, such as a log.
    pub async fn get_text(&self, path: &str) -> Result<String> {
        let request = self
            .request(Method::GET, path)
            .timeout(Duration::from_secs(QUESTION_TIMEOUT_S));
        answer::text(self.send(request).await?).await
    }

    /// `GET /api/v1/<path>` for bytes that fit into memory.
    pub async fn get_bytes(&self, path: &str) -> Result<Vec<u8>> {
        let request = self
            .request(Method::GET, path)
            .timeout(Duration::from_secs(QUESTION_TIMEOUT_S));
        answer::bytes(self.send(request).await?).await
    }

    /// `POST /api/v1/<path>`; the answer may take `wait` longer than a short question.
    pub async fn post<B: Serialize + Sync, T: DeserializeOwned>(&self, path: &str, body: &B, wait: Duration) -> Result<T> {
        let timeout = Duration::from_secs(QUESTION_TIMEOUT_S) + wait;
        let request = self.request(Method::POST, path).json(body).timeout(timeout);
        answer::json(self.send(request).await?).await
    }

    /// `PUT /api/v1/<path>` with a document that replaces the one there.
    pub async fn put<B: Serialize + Sync, T: DeserializeOwned>(&self, path: &str, body: &B) -> Result<T> {
        let request = self
            .request(Method::PUT, path)
            .json(body)
            .timeout(Duration::from_secs(QUESTION_TIMEOUT_S));
        answer::json(self.send(request).await?).await
    }

    /// `PATCH /api/v1/<path>` with what is to be different.
    pub async fn patch<B: Serialize + Sync, T: DeserializeOwned>(&self, path: &str, body: &B) -> Result<T> {
        let request = self
            .request(Method::PATCH, path)
            .json(body)
            .timeout(Duration::from_secs(QUESTION_TIMEOUT_S));
        answer::json(self.send(request).await?).await
    }

    /// `POST /api/v1/<path>` for something to be done; there is no answer but success.
    pub async fn act(&self, path: &str) -> Result<()> {
        let request = self
            .request(Method::POST, path)
            .timeout(Duration::from_secs(QUESTION_TIMEOUT_S));
        self.send(request).await.map(drop)
    }

    /// `DELETE /api/v1/<path>`.
    pub async fn delete(&self, path: &str) -> Result<()> {
        let request = self
            .request(Method::DELETE, path)
            .timeout(Duration::from_secs(QUESTION_TIMEOUT_S));
        self.send(request).await.map(drop)
    }
}
