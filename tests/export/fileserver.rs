//! A file server on loopback for tests, with the manners of real ones (ranges, entity tags) and their bad days.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the server does with the next request for a path, instead of serving it.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Answers with this status and these header lines.
    Status(u16, &'static str),
    /// Announces all bytes and hangs up after as many.
    CutAfter(usize),
    /// Sends as many bytes and then nothing more.
    StallAfter(usize),
    /// Sends the whole although a range was asked for.
    IgnoreRange,
    /// Sends an HTML page with status 200.
    Html,
}

#[derive(Default)]
struct State {
    files: HashMap<String, Vec<u8>>,
    faults: HashMap<String, Vec<Fault>>,
    /// `GET /path bytes=3-`
    log: Vec<String>,
}

/// Stops when it is dropped.
pub struct FileServer {
    address: std::net::SocketAddr,
    state: Arc<Mutex<State>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FileServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = shared.clone();
                tokio::spawn(async move {
                    let _ = serve(stream, shared).await;
                });
            }
        });
        Self { address, state, task }
    }

    /// `http://127.0.0.1:PORT`
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.state.lock().unwrap().files.insert(path.to_owned(), bytes.into());
    }

    /// Faults for the next requests of a path, in order.
    pub fn fail(&self, path: &str, faults: &[Fault]) {
        self.state.lock().unwrap().faults.insert(path.to_owned(), faults.to_vec());
    }

    /// The requests so far, and forgets them.
    pub fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().log)
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) -> std::io::Result<()> {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if stream.read(&mut byte).await? == 0 {
                return Ok(());
            }
            head.push(byte[0]);
        }
        let (answer, then) = answer(&String::from_utf8_lossy(&head), &state);
        stream.write_all(&answer).await?;
        match then {
            Then::Next => {}
            Then::Close => return stream.shutdown().await,
            Then::Stall => std::future::pending().await,
        }
    }
}

/// What becomes of the connection.
enum Then {
    Next,
    Close,
    Stall,
}

/// The bytes to send, and what comes then.
fn answer(head: &str, state: &Arc<Mutex<State>>) -> (Vec<u8>, Then) {
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let mut words = head.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().to_owned());
    // As a proxy is asked.
    let path = match path.strip_prefix("http://").and_then(|rest| rest.split_once('/')) {
        Some((_, path)) => format!("/{path}"),
        None => path,
    };
    let mut state = state.lock().unwrap();
    let range = header("range");
    state.log.push(
        [Some(method.to_owned()), Some(path.clone()), range.clone()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" "),
    );
    let only_head = method == "HEAD";
    let fault = match state.faults.get_mut(&path) {
        Some(faults) if !faults.is_empty() && !only_head => Some(faults.remove(0)),
        _ => None,
    };
    let plain = |status: u16, lines: &str, body: &[u8]| {
        let mut out = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n{lines}\r\n", body.len()).into_bytes();
        if !only_head {
            out.extend_from_slice(body);
        }
        out
    };
    match fault {
        Some(Fault::Status(status, lines)) => return (plain(status, lines, b""), Then::Next),
        Some(Fault::Html) => {
            return (plain(200, "Content-Type: text/html\r\n", b"<html>log in first</html>"), Then::Next);
        }
        _ => {}
    }
    let Some(body) = state.files.get(&path) else { return (plain(404, "", b"no such file"), Then::Next) };
    let tag = format!("\"{}\"", &kk::digest::Digest::of(body).hex()[..16]);
    let etag = format!("ETag: {tag}\r\n");
    if header("if-none-match") == Some(tag.clone()) {
        return (plain(304, &etag, b""), Then::Next);
    }
    let start = range
        .filter(|_| header("if-range").is_none_or(|wanted| wanted == tag))
        .filter(|_| !matches!(fault, Some(Fault::IgnoreRange)))
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let mut out = match start {
        None => plain(200, &etag, body),
        Some(start) if start < body.len() => {
            let lines = format!("{etag}Content-Range: bytes {start}-{}/{}\r\n", body.len() - 1, body.len());
            plain(206, &lines, &body[start..])
        }
        Some(_) => return (plain(416, &format!("Content-Range: bytes */{}\r\n", body.len()), b""), Then::Next),
    };
    let (bytes, then) = match fault {
        Some(Fault::CutAfter(bytes)) => (bytes, Then::Close),
        Some(Fault::StallAfter(bytes)) => (bytes, Then::Stall),
        _ => return (out, Then::Next),
    };
    let head_length = out.windows(4).position(|four| four == b"\r\n\r\n").map_or(out.len(), |at| at + 4);
    out.truncate(head_length + bytes);
    (out, then)
}
