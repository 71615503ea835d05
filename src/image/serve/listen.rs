//! Connections: accepted up to a number, served each by its own task, ended in good order.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use super::answer::{Answer, Content, Refusal, answer};
pub use super::body::BlobSource;
use super::body::{self, Memory};
use super::patient::Patient;
use super::shelf::Shelf;

/// Connections at once; further ones wait in the system's queue.
const CONNECTIONS: usize = 256;

/// For a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// For a request's headers, the pause before them included.
const HEADERS: Duration = Duration::from_secs(60);

/// Without a byte being taken by the client.
const SILENCE: Duration = Duration::from_secs(60);

/// For what is under way when the server is told to stop.
const FAREWELL: Duration = Duration::from_secs(10);

/// Bytes of a request's headers, and of an answer that wait to be written.
const BUFFER: usize = 32 << 10;

/// Headers of a request.
const MOST_HEADERS: usize = 64;

/// Memory for all blobs that are on their way.
const BODIES: u64 = 64 << 20;

/// A pause after a connection could not be accepted, for want of file descriptors most often.
const BREATH: Duration = Duration::from_millis(100);

/// A request that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    pub peer: IpAddr,
    pub method: String,
    /// Path and query.
    pub address: String,
    pub status: u16,
    /// Bytes of content that were sent.
    pub bytes: u64,
    /// Why less was sent than was announced; `None` where all was, or the client went away.
    pub failure: Option<String>,
}

/// Told of every request when its answer has been sent or given up.
pub type Watch = Arc<dyn Fn(Served) + Send + Sync>;

/// A registry that is ready to be listened for.
pub struct Server {
    pub shelf: Shelf,
    pub source: Arc<dyn BlobSource>,
    /// Plain HTTP where there is none.
    pub tls: Option<Arc<ServerConfig>>,
    pub watch: Watch,
}

type Body = UnsyncBoxBody<Bytes, io::Error>;

struct Shared {
    server: Server,
    memory: Memory,
}

impl Server {
    /// Answers until `stop` is set, and a little longer what is under way then.
    pub async fn run(self, listener: TcpListener, mut stop: watch::Receiver<bool>) {
        let tls = self.tls.clone().map(TlsAcceptor::from);
        let shared = Arc::new(Shared { server: self, memory: Memory::new(BODIES) });
        let connections = Arc::new(Semaphore::new(CONNECTIONS));
        let tasks = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                accepted = accept(&listener, &connections) => accepted,
                () = told(&mut stop) => break,
            };
            let Ok((stream, peer, permit)) = accepted else {
                tokio::time::sleep(BREATH).await;
                continue;
            };
            let (shared, tls, stop) = (shared.clone(), tls.clone(), stop.clone());
            tasks.spawn(async move {
                let _permit = permit;
                connection(shared, stream, peer.ip().to_canonical(), tls, stop).await;
            });
        }
        drop(listener);
        tasks.close();
        let _ = tokio::time::timeout(FAREWELL, tasks.wait()).await;
    }
}

/// Waits until the server is told to stop. A sender that is gone tells so too.
async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let permit = connections.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    let _ = stream.set_nodelay(true);
    Ok((stream, peer, permit))
}

async fn connection(
    shared: Arc<Shared>,
    stream: TcpStream,
    peer: IpAddr,
    tls: Option<TlsAcceptor>,
    stop: watch::Receiver<bool>,
) {
    match tls {
        None => requests(shared, stream, peer, stop).await,
        Some(tls) => {
            // A client that does not trust the certificate says so on its own side.
            if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
                requests(shared, stream, peer, stop).await;
            }
        }
    }
}

async fn requests<S>(shared: Arc<Shared>, stream: S, peer: IpAddr, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = TokioIo::new(Patient::new(stream, SILENCE));
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(respond(&shared, request, peer).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADERS).max_buf_size(BUFFER).max_headers(MOST_HEADERS);
    let mut connection = std::pin::pin!(builder.serve_connection(stream, service));
    // A connection ends with an error where the client goes away, or the bundle cannot be read; the body tells of both.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = told(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

async fn respond(shared: &Shared, request: Request<Incoming>, peer: IpAddr) -> Response<Body> {
    let uri = request.uri();
    let Server { shelf, source, watch, .. } = &shared.server;
    let Answer { status, headers, content } =
        answer(shelf, request.method(), uri.path(), uri.query(), request.headers());
    let told = Served {
        peer,
        method: request.method().to_string(),
        address: uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        status: status.as_u16(),
        bytes: 0,
        failure: None,
    };
    let mut teller = Teller { told, watch: watch.clone() };
    let body = match content {
        Content::Nothing => Empty::new().map_err(|never| match never {}).boxed_unsync(),
        Content::Bytes(bytes) => {
            teller.told.bytes = bytes.len() as u64;
            Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed_unsync()
        }
        Content::Blob { digest, from, length } => {
            match body::open(source.clone(), &shared.memory, digest, from, length).await {
                Ok(pieces) => told_of(pieces, teller),
                Err(error) => {
                    let refusal = Refusal::Unreadable.answer();
                    teller.told.status = refusal.status.as_u16();
                    teller.told.failure = Some(error.to_string());
                    drop(teller);
                    return response(refusal.status, refusal.headers, text(refusal.content));
                }
            }
        }
    };
    response(status, headers, body)
}

fn text(content: Content) -> Body {
    let bytes = if let Content::Bytes(bytes) = content { bytes } else { Vec::new() };
    Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed_unsync()
}

fn response(status: hyper::StatusCode, headers: hyper::HeaderMap, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// A body that tells of itself when it ends, whether it was sent or not.
fn told_of(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static, mut teller: Teller) -> Body {
    let frames = pieces.inspect(move |piece| teller.note(piece));
    StreamBody::new(frames.map_ok(Frame::data)).boxed_unsync()
}

/// Tells of a request when it goes.
struct Teller {
    told: Served,
    watch: Watch,
}

impl Teller {
    fn note(&mut self, piece: &io::Result<Bytes>) {
        match piece {
            Ok(piece) => self.told.bytes += piece.len() as u64,
            Err(error) => self.told.failure = Some(error.to_string()),
        }
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        (self.watch)(self.told.clone());
    }
}
