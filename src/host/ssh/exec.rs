//! One command on one channel: what goes in, what comes out, how it ends.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use tokio::io::AsyncWriteExt;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// More standard output than this is an error.
pub(super) const LARGEST_STDOUT: usize = 4 << 20;
/// So much of standard error is kept, from its end.
pub(super) const KEPT_STDERR: usize = 64 << 10;
/// How long a channel may stay open and silent after its command has ended: a daemon that the command left behind may
/// hold its standard output.
const LINGER: Duration = Duration::from_secs(5);

/// What a command reads.
pub(super) enum Input {
    /// These bytes; its standard input stays open after them until the command has ended.
    Held(Vec<u8>),
    /// These bytes, then the end of file.
    Once(Vec<u8>),
    /// A stream, then the end of file. An error in it ends the command.
    Stream(mpsc::Receiver<io::Result<Bytes>>),
}

/// How a command ended and what it printed.
#[derive(Debug, Default)]
pub(super) struct Finished {
    /// Exit status. `None`: a signal ended it, or the connection did.
    pub status: Option<u32>,
    pub signal: Option<String>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

/// Why a command could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExecError {
    #[error("the server refuses to run commands")]
    Refused,
    #[error("it printed more than {} MiB", LARGEST_STDOUT >> 20)]
    TooMuchOutput,
    #[error("reading what is to be sent failed: {0}")]
    Source(io::Error),
    /// Whoever was given the output takes no more; they know why.
    #[error("nobody takes what it prints")]
    Unwanted,
    /// The connection is gone.
    #[error("the connection is gone")]
    Gone,
}

/// An open channel. Dropping it closes it, which ends the command of a [`super::shell::frame`].
pub(super) struct Channel {
    reader: ChannelReadHalf,
    writer: Option<ChannelWriteHalf<Msg>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Channel {
    pub fn new(channel: russh::Channel<Msg>, permit: OwnedSemaphorePermit) -> Self {
        let (reader, writer) = channel.split();
        Self { reader, writer: Some(writer), permit: Some(permit) }
    }

    /// Runs a command. The input is written by a task of its own: a command that ends without having read all of it
    /// never opens the window again, and a writer would wait for that for ever.
    pub async fn exec(self, command: &str, input: Input) -> Result<Finished, ExecError> {
        self.exec_into(command, input, None).await
    }

    /// The same, with standard output handed on as it comes where somebody takes it; [`Finished`] has none of it then.
    /// Whoever takes it slowly slows the command down, through the channel's window.
    pub async fn exec_into(
        mut self,
        command: &str,
        input: Input,
        taker: Option<&mpsc::Sender<Bytes>>,
    ) -> Result<Finished, ExecError> {
        let writer = self.writer.as_ref().ok_or(ExecError::Gone)?;
        writer.exec(true, command).await.map_err(|_| ExecError::Gone)?;
        let feeding = feed(writer.make_writer(), input);
        let mut feeder = AbortOnDrop(tokio::spawn(feeding));
        let mut fed = false;
        let mut finished = Finished::default();
        let mut ended = false;
        loop {
            let message = tokio::select! {
                message = self.reader.wait() => message,
                result = &mut feeder.0, if !fed => {
                    fed = true;
                    if let Ok(Err(FeedError::Source(error))) = result {
                        return Err(ExecError::Source(error));
                    }
                    continue;
                }
                () = tokio::time::sleep(LINGER), if ended => break,
            };
            match message {
                None | Some(ChannelMsg::Close) => {
                    // The server has closed its side, and russh has answered: there is nothing left to close.
                    self.writer = None;
                    break;
                }
                Some(ChannelMsg::Data { data }) => {
                    if let Some(taker) = taker {
                        taker.send(data).await.map_err(|_| ExecError::Unwanted)?;
                        continue;
                    }
                    if finished.stdout.len() + data.len() > LARGEST_STDOUT {
                        return Err(ExecError::TooMuchOutput);
                    }
                    finished.stdout.extend_from_slice(&data);
                }
                Some(ChannelMsg::ExtendedData { data, .. }) => {
                    finished.stderr.extend_from_slice(&data);
                    if finished.stderr.len() > 2 * KEPT_STDERR {
                        finished.stderr.drain(..finished.stderr.len() - KEPT_STDERR);
                    }
                }
                Some(ChannelMsg::ExitStatus { exit_status }) => {
                    finished.status = Some(exit_status);
                    ended = true;
                }
                Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                    finished.signal = Some(signal_text(&signal_name));
                    ended = true;
                }
                Some(ChannelMsg::Failure) => return Err(ExecError::Refused),
                // The end of file may come before the exit status.
                Some(_) => {}
            }
        }
        match ended {
            true => Ok(finished),
            false => Err(ExecError::Gone),
        }
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        // russh does not close a channel that is dropped: the command would go on and its session stay taken.
        let (Some(writer), permit) = (self.writer.take(), self.permit.take()) else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _ = writer.close().await;
                drop(permit);
            });
        }
    }
}

struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

enum FeedError {
    Source(io::Error),
    /// The command reads no more; its exit status says why.
    Channel,
}

async fn feed<W>(writer: W, input: Input) -> Result<(), FeedError>
where
    W: tokio::io::AsyncWrite + Send + 'static,
{
    let mut writer = std::pin::pin!(writer);
    match input {
        Input::Held(bytes) => writer.write_all(&bytes).await.map_err(|_| FeedError::Channel),
        Input::Once(bytes) => {
            writer.write_all(&bytes).await.map_err(|_| FeedError::Channel)?;
            writer.shutdown().await.map_err(|_| FeedError::Channel)
        }
        Input::Stream(mut chunks) => {
            while let Some(chunk) = chunks.recv().await {
                writer.write_all(&chunk.map_err(FeedError::Source)?).await.map_err(|_| FeedError::Channel)?;
            }
            writer.shutdown().await.map_err(|_| FeedError::Channel)
        }
    }
}

fn signal_text(signal: &Sig) -> String {
    match signal {
        Sig::Custom(name) => name.chars().filter(char::is_ascii_alphanumeric).take(32).collect(),
        signal => format!("{signal:?}"),
    }
}

/// The last bytes of what a command printed to standard error, as text.
pub(super) fn tail(stderr: &[u8]) -> String {
    let from = stderr.len().saturating_sub(KEPT_STDERR);
    String::from_utf8_lossy(&stderr[from..]).into_owned()
}
