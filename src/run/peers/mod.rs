//! Large files that several hosts want pass the operator's link once: hosts that have them serve the others.
//!
//! A host becomes a peer when the first file is to go to it or from it: this very program is uploaded, serves what the
//! host has and fetches what it wants. Whatever fails there, the operator's upload follows, and no run fails for it.

mod ledger;
mod worth;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OnceCell, Semaphore, watch};
use tokio::task::JoinSet;

use self::ledger::{Ledger, Next};
use crate::digest::Digest;
use crate::host::Machine;
use crate::host::part::Source;
use crate::host::part::script::{Places, random_word};
use crate::peer::script::{self, Camp};
use crate::peer::{Token, own_system};
use crate::plan::Plan;

/// How long the end of a run waits for hosts to take away what was kept for others.
const FAREWELL: Duration = Duration::from_secs(20);

/// How long a host may take to tell its server's port, the wait for a session included.
const ANSWER: Duration = Duration::from_secs(20);

/// The peers of one run.
pub struct Peers {
    machines: BTreeMap<String, Arc<dyn Machine>>,
    program: PathBuf,
    size: u64,
    shared: BTreeSet<Digest>,
    camp: Camp,
    board: Arc<Board>,
    members: BTreeMap<String, OnceCell<Option<Member>>>,
    /// Hosts with a folder of this run.
    camps: Mutex<BTreeSet<String>>,
    /// The sessions that servers live in; they end with this.
    servers: Mutex<JoinSet<()>>,
    fetched: AtomicU64,
}

/// A host whose server answers.
struct Member {
    address: SocketAddr,
    token: Token,
}

/// The ledger, and word of its changes.
#[derive(Default)]
struct Board {
    ledger: Mutex<Ledger>,
    changed: watch::Sender<()>,
}

impl Board {
    fn change(&self, change: impl FnOnce(&mut Ledger)) {
        change(&mut locked(&self.ledger));
        self.changed.send_replace(());
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a host does next; see [`Turn`].
pub enum Way<'a> {
    /// The file has come from another host.
    Fetched(Digest),
    /// The operator uploads it.
    Upload(Turn<'a>),
}

/// A host's turn to get a file: while it lasts, others wait for it; when it is dropped unfinished, the next one gets it.
pub struct Turn<'a> {
    peers: &'a Peers,
    host: String,
    pub digest: Digest,
    from: Option<String>,
    kept: bool,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.peers.board.change(|ledger| ledger.done(&self.host, &self.digest, self.from.as_deref(), self.kept));
    }
}

impl Peers {
    /// The peers for a plan; `None` where they would be of no use.
    pub fn new(
        plan: &Plan,
        machines: &BTreeMap<String, Arc<dyn Machine>>,
        program: Option<&PathBuf>,
        places: &Places,
    ) -> Option<Self> {
        let program = program?;
        let size = std::fs::metadata(program).ok()?.len();
        let shared = worth::shared(plan, size);
        if shared.is_empty() {
            return None;
        }
        Some(Self {
            machines: machines.clone(),
            program: program.clone(),
            size,
            shared,
            // No secret, and random as a token is.
            camp: Camp::new(places, &format!("{:016x}", random_word())),
            board: Arc::default(),
            members: machines.keys().map(|name| (name.clone(), OnceCell::new())).collect(),
            camps: Mutex::default(),
            servers: Mutex::default(),
            fetched: AtomicU64::new(0),
        })
    }

    /// Whether a file goes from host to host.
    pub fn serve(&self, digest: &Digest) -> bool {
        self.shared.contains(digest)
    }

    /// Bytes that came from other hosts.
    pub fn fetched(&self) -> u64 {
        self.fetched.load(Ordering::Relaxed)
    }

    /// Gets one of these files from another host, or finds that the operator is to upload one. Waits where another host
    /// gets what is wanted.
    pub async fn next<'a>(&'a self, host: &str, wanted: &[&Source], uploads: &Semaphore) -> Way<'a> {
        let digests: Vec<Digest> = wanted.iter().map(|source| source.sha256).collect();
        let mut changed = self.board.changed.subscribe();
        loop {
            changed.mark_unchanged();
            let next = locked(&self.board.ledger).next(host, &digests);
            let (digest, from) = match next {
                Next::Upload { digest } => {
                    return Way::Upload(Turn { peers: self, host: host.into(), digest, from: None, kept: false });
                }
                Next::Fetch { digest, from } => (digest, from),
                Next::Wait => {
                    // Time to make ready what the fetch will need.
                    self.member(host, uploads).await;
                    // Fails only when the sender is gone, and it is ours.
                    let _ = changed.changed().await;
                    continue;
                }
            };
            let mut turn = Turn { peers: self, host: host.into(), digest, from: Some(from.clone()), kept: false };
            let Some(source) = wanted.iter().find(|source| source.sha256 == digest) else { continue };
            match self.fetch(host, &from, source, uploads).await {
                Ok(kept) => {
                    turn.kept = kept;
                    self.fetched.fetch_add(source.size, Ordering::Relaxed);
                    return Way::Fetched(digest);
                }
                Err(Trouble::Between) => self.board.change(|ledger| ledger.failed(host, &from)),
                Err(Trouble::Alone) => {}
            }
        }
    }

    async fn fetch(&self, host: &str, from: &str, source: &Source, uploads: &Semaphore) -> Result<bool, Trouble> {
        // Both have been set apart in the ledger where they can be no peers.
        self.member(host, uploads).await.ok_or(Trouble::Alone)?;
        let server = self.member(from, uploads).await.ok_or(Trouble::Alone)?;
        let machine = self.machines.get(host).ok_or(Trouble::Alone)?;
        let output = machine.run(&self.camp.fetch(source, server.address, &server.token)).await;
        match output {
            Ok(output) if output.status == 0 => Ok(script::kept(&output.stdout)),
            _ => Err(Trouble::Between),
        }
    }

    /// Keeps for others what has been uploaded, and makes the host a peer: those who wait will want it.
    pub async fn uploaded(&self, mut turn: Turn<'_>, source: &Source, uploads: &Semaphore) {
        let Some(machine) = self.machines.get(&turn.host) else { return };
        locked(&self.camps).insert(turn.host.clone());
        let kept = machine.run(&self.camp.keep(source)).await;
        turn.kept = kept.is_ok_and(|output| output.status == 0);
        if turn.kept && self.board.changed.receiver_count() > 0 {
            self.member(&turn.host, uploads).await;
        }
    }

    /// The host as a peer, made one the first time; `None` where it can be none.
    async fn member(&self, host: &str, uploads: &Semaphore) -> Option<&Member> {
        let joined = self.members.get(host)?.get_or_init(|| async {
            let joined = self.join(host, uploads).await;
            if joined.is_none() {
                self.board.change(|ledger| ledger.set_apart(host));
            }
            joined
        });
        joined.await.as_ref()
    }

    async fn join(&self, host: &str, uploads: &Semaphore) -> Option<Member> {
        let machine = self.machines.get(host)?;
        let address = machine.peer_address()?;
        let token = Token::random().ok()?;
        locked(&self.camps).insert(host.to_owned());
        let pitched = machine.run(&self.camp.pitch()).await.ok()?;
        if pitched.status != 0 || pitched.stdout.trim() != own_system() {
            return None;
        }
        {
            let _permit = uploads.acquire().await;
            let program = File::open(&self.program).ok()?;
            machine.upload(Box::new(program), self.size, &self.camp.program()).await.ok()?;
        }
        let (serving, server, board) = (self.camp.serve(address, &token), machine.clone(), self.board.clone());
        let name = host.to_owned();
        let session = locked(&self.servers).spawn(async move {
            let _ = server.run(&serving).await;
            board.change(|ledger| ledger.set_apart(&name));
        });
        // With the server in one session, this takes another: where it does not come through, the host allows one only, and
        // the work needs that.
        let asking = self.camp.port();
        let told = tokio::time::timeout(ANSWER, machine.run(&asking)).await;
        let port = told.ok().and_then(Result::ok).and_then(|output| script::port(&output.stdout));
        if port.is_none() {
            session.abort();
        }
        Some(Member { address: SocketAddr::new(address, port?), token })
    }

    /// Ends the servers and takes away what was kept. Hosts do so by themselves when the connection of a server ends; those
    /// that serve nothing have a few links to take away.
    pub async fn leave(&self) {
        locked(&self.servers).abort_all();
        let camps = locked(&self.camps).clone();
        let script = self.camp.strike();
        let machines = camps.iter().filter_map(|host| self.machines.get(host));
        let leaving = futures::future::join_all(machines.map(|machine| machine.run(&script)));
        // What stays is taken away by the next run.
        let _ = tokio::time::timeout(FAREWELL, leaving).await;
    }
}

/// Why a file did not come from another host.
enum Trouble {
    /// One of the two can be no peer.
    Alone,
    /// Both can, and nothing went between them.
    Between,
}
