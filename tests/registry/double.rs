//! A server that misbehaves on demand, for what a real registry cannot be made to do.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use kk::image::RegistryAccess;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::server::quick;

/// A request as the double saw it; header names in lower case.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub method: String,
    /// With its query.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// Sends only so many bytes of the body and hangs up.
    pub cut: Option<usize>,
    /// Never answers.
    pub silent: bool,
    /// Reads only so many bytes of the request's body and hangs up.
    pub hang_up_after: Option<usize>,
}

pub fn reply(status: u16) -> Reply {
    Reply { status, ..Default::default() }
}

impl Reply {
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

type Handler = dyn Fn(&Seen, usize) -> Reply + Send + Sync;

pub struct Double {
    pub port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Double {
    /// The handler gets each request and how many of the same method and path came before it.
    pub async fn start(handler: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let handler: Arc<Handler> = Arc::new(handler);
        let kept = seen.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, handler.clone(), kept.clone()));
            }
        });
        Self { port, seen, task }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How many requests began so: `GET /v2/a`.
    pub fn count(&self, start: &str) -> usize {
        self.seen().iter().filter(|seen| format!("{} {}", seen.method, seen.path).starts_with(start)).count()
    }

    pub fn access(&self) -> RegistryAccess {
        let host = format!("127.0.0.1:{}", self.port);
        RegistryAccess { host, plain_http: true, patience: quick(), ..Default::default() }
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, handler: Arc<Handler>, kept: Arc<Mutex<Vec<Seen>>>) {
    let mut stream = BufReader::new(stream);
    while let Some((mut seen, length)) = read_head(&mut stream).await {
        let before = {
            let kept = kept.lock().unwrap();
            kept.iter().filter(|other| (&other.method, &other.path) == (&seen.method, &seen.path)).count()
        };
        let reply = handler(&seen, before);
        if let Some(bytes) = reply.hang_up_after {
            kept.lock().unwrap().push(seen);
            let _ = stream.read_exact(&mut vec![0; bytes.min(length)]).await;
            return;
        }
        seen.body = vec![0; length];
        if stream.read_exact(&mut seen.body).await.is_err() {
            return;
        }
        let is_head = seen.method == "HEAD";
        kept.lock().unwrap().push(seen);
        if reply.silent {
            std::future::pending::<()>().await;
        }
        let mut head = format!("HTTP/1.1 {} X\r\ncontent-length: {}\r\n", reply.status, reply.body.len());
        for (name, value) in &reply.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += "\r\n";
        let sent = reply.cut.unwrap_or(reply.body.len());
        let body = if is_head { &[][..] } else { &reply.body[..sent] };
        if stream.write_all(head.as_bytes()).await.is_err() || stream.write_all(body).await.is_err() {
            return;
        }
        if reply.cut.is_some() {
            let _ = stream.shutdown().await;
            return;
        }
    }
}

async fn read_head(stream: &mut BufReader<TcpStream>) -> Option<(Seen, usize)> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|length| *length > 0)?;
    let mut words = line.split_whitespace();
    let mut seen = Seen { method: words.next()?.into(), path: words.next()?.into(), ..Default::default() };
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        seen.headers.push((name.to_ascii_lowercase(), value.trim().into()));
    }
    let length = seen.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    Some((seen, length))
}
