//! The language of the HTTP tests: a real master on a free port, and callers that say one thing at a time.

use exr::prelude::{AnyChannel, AnyChannels, Encoding, FlatSamples, Image, Layer, LayerAttributes, WritableImage as _};
use netrender::access::FarmKey;
use netrender::master::{Access, Master, Options};
use netrender::tls::{Trust, caller_config};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// Longer than any wait of the master's.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(90);

/// A master with a caller that has its key.
pub(crate) struct Farm {
    pub(crate) master: Master,
    pub(crate) key: FarmKey,
    pub(crate) folder: TempDir,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

/// A request on its way.
pub(crate) struct Waiting(tokio::task::JoinHandle<reqwest::Result<Reply>>);

/// What a call was answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert!(self.status < 300, "{}: {}", self.status, String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn text(&self, field: &str) -> String {
        self.json()[field].as_str().unwrap().to_owned()
    }

    /// Asserts a failure in our words.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str, part_of_message: &str) {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        let fault: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(fault["code"], code, "{fault}");
        let message = fault["message"].as_str().unwrap();
        assert!(message.contains(part_of_message), "{message}");
        assert!(!message.ends_with('.') && !message.contains('\n'), "{message}");
    }
}

pub(crate) fn options(path: &Path, key: &FarmKey) -> Options {
    Options {
        path: path.to_path_buf(),
        address: "127.0.0.1".to_owned(),
        port: 0,
        broadcast: false,
        clear_on_exit: false,
        access: Access::Key(key.clone()),
        key_file: None,
        ssl: None,
        name: "test".to_owned(),
        host_names: Vec::new(),
        force_upload: false,
    }
}

impl Farm {
    pub(crate) fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), FarmKey::generate().unwrap())
    }

    pub(crate) fn start_in(folder: TempDir, key: FarmKey) -> Self {
        let options = options(folder.path(), &key);
        Self::start_with(folder, options, key)
    }

    /// One whose key lies in a file.
    pub(crate) fn with_key_file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("farm.key");
        let key = FarmKey::replace(&file).unwrap();
        let mut options = options(&folder.path().join("master"), &key);
        options.key_file = Some(file);
        Self::start_with(folder, options, key)
    }

    pub(crate) fn start_with(folder: TempDir, options: Options, key: FarmKey) -> Self {
        let master = Master::start(options).unwrap();
        let trust = master.fingerprint().map_or(Trust::Nobody, Trust::Only);
        Self {
            master,
            key,
            folder,
            client: reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .tls_backend_preconfigured(caller_config(trust).unwrap())
                .build()
                .unwrap(),
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap(),
        }
    }

    /// Stops the master and starts another one on the same path.
    pub(crate) fn restart(self) -> Self {
        self.master.stop(Duration::from_secs(10)).unwrap();
        Self::start_in(self.folder, self.key)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        if path.starts_with('/') {
            format!("{}{path}", self.master.url())
        } else {
            format!("{}/api/v1/{path}", self.master.url())
        }
    }

    /// A request as it should be; the test may spoil it.
    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.bare_request(method, path).bearer_auth(self.key.bearer())
    }

    /// A request without a key.
    pub(crate) fn bare_request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method.parse().unwrap(), self.url(path))
            .timeout(REQUEST_TIMEOUT)
    }

    pub(crate) fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        self.runtime.block_on(async {
            let response = request.send().await.unwrap();
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = response.bytes().await.unwrap().to_vec();
            Reply { status, headers, body }
        })
    }

    /// Waits for something that the caller does by itself.
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Sends a request that takes its time. It may reach the master later than what is asked after it.
    pub(crate) fn in_background(&self, method: &str, path: &str, body: &Value) -> Waiting {
        let request = self.request(method, path).json(body);
        Waiting(self.runtime.spawn(async move {
            let response = request.send().await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = response.bytes().await?.to_vec();
            Ok(Reply { status, headers, body })
        }))
    }

    /// Waits for the answer to a request.
    pub(crate) fn wait(&self, waiting: Waiting) -> Reply {
        self.runtime.block_on(waiting.0).unwrap().unwrap()
    }

    /// Waits until a request is answered or its connection ends; whether the connection ended, or the key was refused because
    /// the request came too late for it.
    pub(crate) fn is_sent_away(&self, waiting: Waiting) -> bool {
        let outcome: Result<Reply, reqwest::Error> = self.runtime.block_on(waiting.0).unwrap();
        outcome.map_or(true, |reply| reply.status == 401)
    }

    /// Goes away without waiting for the answer.
    pub(crate) fn abandon(&self, waiting: Waiting) {
        waiting.0.abort();
        let _ = self.runtime.block_on(waiting.0);
    }

    /// The files in a folder of the master's directory.
    pub(crate) fn files_below(&self, folder: &str) -> Vec<String> {
        let root = self.folder.path().join(format!("master_{}", std::process::id())).join(folder);
        let mut found = Vec::new();
        let mut folders = vec![root];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.path() {
                    path if path.is_dir() => folders.push(path),
                    path => found.push(path.display().to_string()),
                }
            }
        }
        found
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send(self.request("GET", path))
    }

    pub(crate) fn delete(&self, path: &str) -> Reply {
        self.send(self.request("DELETE", path))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(self.request("POST", path).json(body))
    }

    pub(crate) fn put(&self, path: &str, body: &[u8]) -> Reply {
        self.send(self.request("PUT", path).body(body.to_vec()))
    }

    pub(crate) fn upload(&self, content: &[u8]) -> Reply {
        self.put(
            &format!("contents/{}?offset=0&size={}", hash_of(content), content.len()),
            content,
        )
    }

    /// Registers a slave with one slot.
    pub(crate) fn slave(&self, name: &str) -> String {
        self.post("slaves", &registration(name)).text("id")
    }

    pub(crate) fn work(&self, slave: &str, wanted: &Value) -> Reply {
        self.post(&format!("slaves/{slave}/work"), wanted)
    }

    /// The attempt under which a slave has a task: held already, or leased as soon as its job has rested there.
    pub(crate) fn lease_of(&self, slave: &str, job: &str, task: u64) -> u64 {
        let lease = self.work(slave, &json!({"want": true, "wait_ms": 20_000})).json()["lease"].clone();
        assert_eq!(lease["job"], job, "{lease}");
        let tasks = lease["tasks"].as_array().unwrap();
        tasks.iter().find(|it| it["task"] == task).expect("another task was leased")["attempt"]
            .as_u64()
            .unwrap()
    }

    pub(crate) fn deliver(&self, slave: &str, job: &str, task: u64, attempt: u64, result: &[u8]) -> Reply {
        self.put(&result_path(slave, job, task, attempt, result), result)
    }

    pub(crate) fn append_log(&self, slave: &str, job: &str, task: u64, attempt: u64, offset: u64, text: &str) -> Reply {
        let path = format!("jobs/{job}/tasks/{task}/attempts/{attempt}/log?slave={slave}&offset={offset}");
        self.put(&path, text.as_bytes())
    }
}

/// Where a result goes, with what is said of it.
pub(crate) fn result_path(slave: &str, job: &str, task: u64, attempt: u64, result: &[u8]) -> String {
    let (hash, size) = (hash_of(result), result.len());
    format!("jobs/{job}/tasks/{task}/attempts/{attempt}/result?slave={slave}&seconds=1.5&hash={hash}&size={size}")
}

/// Some bytes, different for each name.
pub(crate) fn content(name: &str) -> Vec<u8> {
    format!("content of {name} ").into_bytes().repeat(1_000)
}

/// A picture of one channel, different for each name, with as many pixels in a row as it takes to be that long.
pub(crate) fn picture(name: &str, bytes_min: usize) -> Vec<u8> {
    let mut samples = vec![0.5; (bytes_min / size_of::<f32>()).max(32)];
    for (sample, byte) in samples.iter_mut().zip(blake3::hash(name.as_bytes()).as_bytes()) {
        *sample = f32::from(*byte);
    }
    let size = (samples.len(), 1);
    let channels = AnyChannels::sort(
        [AnyChannel::new("L.Combined.R", FlatSamples::F32(samples))]
            .into_iter()
            .collect(),
    );
    let layer = Layer::new(size, LayerAttributes::default(), Encoding::UNCOMPRESSED, channels);
    let mut file = std::io::Cursor::new(Vec::new());
    Image::from_layer(layer).write().to_buffered(&mut file).unwrap();
    file.into_inner()
}

pub(crate) fn hash_of(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

pub(crate) fn registration(name: &str) -> Value {
    json!({
        "name": name, "tags": [], "blenders": [{"version": "3.4.1"}], "slots": 1, "denoises": true,
        "machine": {"os": "Debian", "cores": 2, "threads": 1, "memory_bytes": 1}
    })
}

/// An announcement of files; the first is the main one.
pub(crate) fn announce(name: &str, frames: &str, files: &[(&str, &[u8])]) -> Value {
    let entries: Vec<Value> = files
        .iter()
        .map(|(path, bytes)| json!({"path": path, "size_bytes": bytes.len(), "hash": hash_of(bytes)}))
        .collect();
    json!({
        "name": name, "frames": frames, "chunks": 1, "blender": "3.4.1",
        "manifest": {"main": files[0].0, "files": entries}
    })
}
