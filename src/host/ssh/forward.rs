//! A connection that a jump host makes for us, as a stream of bytes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use russh::ChannelStream;
use russh::client::Msg;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::connection::Connection;

/// What waits to be sent for longer goes nowhere: the jump host takes no more, because what it has goes nowhere either.
/// On a connection of our own the system finds that out; here the jump host's system would, after a quarter of an hour,
/// and meanwhile the keepalives wait behind.
const STUCK: Duration = Duration::from_secs(60);

/// The stream. Dropping it has the jump host close its connection.
pub(super) struct Forward {
    channel: ChannelStream<Msg>,
    /// Runs while a write waits.
    waiting: Option<Pin<Box<Sleep>>>,
    /// The connection that it runs through; it ends when nobody holds it.
    jump: Arc<Connection>,
}

impl Forward {
    pub fn new(channel: ChannelStream<Msg>, jump: Arc<Connection>) -> Self {
        Self { channel, waiting: None, jump }
    }

    /// The connection to the jump host.
    pub fn jump(&self) -> &Arc<Connection> {
        &self.jump
    }
}

impl AsyncRead for Forward {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.channel).poll_read(context, out)
    }
}

impl AsyncWrite for Forward {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // The channel takes an empty write for a mistake.
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if let Poll::Ready(written) = Pin::new(&mut self.channel).poll_write(context, bytes) {
            self.waiting = None;
            return Poll::Ready(written);
        }
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(STUCK)));
        waiting.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.channel).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.channel).poll_shutdown(context)
    }
}
