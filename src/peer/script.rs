//! The scripts by which a run makes a host a peer, and what they print.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{Token, longest};
use crate::host::part::Source;
use crate::host::part::script::Places;
use crate::host::{Script, quote};

/// Ordinary scripts of a peer take no longer.
const SHORT: Duration = Duration::from_secs(60);
/// How long a server may take until it has a port: one that does not start says so at once, and a host that allows one
/// session at a time never answers.
const START: Duration = Duration::from_secs(15);
/// No run takes longer; the server ends with its connection, and by itself when nobody wants anything.
const RUN: Duration = Duration::from_secs(7 * 24 * 3600);

/// Where a run keeps what its peers need, on each host.
#[derive(Clone, Debug)]
pub struct Camp {
    places: Places,
    /// Sets this run's folder apart from what killed runs left.
    run: String,
}

impl Camp {
    /// A folder for one run; `run` is a word of letters and digits.
    pub fn new(places: &Places, run: &str) -> Self {
        Self { places: places.clone(), run: run.chars().filter(char::is_ascii_alphanumeric).collect() }
    }

    fn folder(&self) -> String {
        format!("{}/peers/{}", self.places.state, self.run)
    }

    /// Where the program is uploaded to.
    pub fn program(&self) -> String {
        format!("{}/kk", self.folder())
    }

    /// Makes the folder, takes away those of earlier runs, and says what system the host is.
    pub fn pitch(&self) -> Script {
        let text = format!("{}\nuname -sm", self.prelude());
        Script::new(text, SHORT)
    }

    fn prelude(&self) -> String {
        format!(
            "kk_state={state} kk_camp={folder}\n\
             mkdir -p -m 0700 -- \"$kk_state\" \"$kk_state/staging\" \"$kk_state/peers\" \"$kk_camp\" \"$kk_camp/files\" || exit 1\n\
             for kk_each in \"$kk_state\"/peers/*; do [ \"$kk_each\" = \"$kk_camp\" ] || rm -rf -- \"$kk_each\"; done",
            state = quote(&self.places.state),
            folder = quote(&self.folder()),
        )
    }

    /// Serves for as long as the session lasts, and takes the folder away when it ends. The token is in the script, which
    /// comes on standard input, and in no argument.
    pub fn serve(&self, listen: IpAddr, token: &Token) -> Script {
        let text = format!(
            "kk_camp={folder}\n\
             trap 'rm -rf -- \"$kk_camp\"' TERM\n\
             chmod 0700 \"$kk_camp/kk\" && \"$kk_camp/kk\" host serve --folder \"$kk_camp/files\" --listen {listen} --tell \"$kk_camp/port\" <<'KK_TOKEN'\n\
             {token}\n\
             KK_TOKEN\n\
             kk_status=$?\n\
             rm -rf -- \"$kk_camp\"\n\
             exit $kk_status",
            folder = quote(&self.folder()),
            token = token.expose(),
        );
        Script::new(text, RUN)
    }

    /// Prints the port of the server, once it has one.
    pub fn port(&self) -> Script {
        let text = format!(
            "kk_camp={folder} kk_tries=50\n\
             until [ -s \"$kk_camp/port\" ]; do\n\
             kk_tries=$((kk_tries - 1))\n\
             [ -d \"$kk_camp\" ] && [ $kk_tries -gt 0 ] || {{ echo 'the server did not start' >&2; exit 1; }}\n\
             sleep 0.1\n\
             done\n\
             cat -- \"$kk_camp/port\"",
            folder = quote(&self.folder()),
        );
        Script::new(text, START)
    }

    /// Keeps an upload for others: a link takes no room, and what was uploaded may be moved to its place meanwhile.
    pub fn keep(&self, source: &Source) -> Script {
        let text = format!(
            "{}\nln -f -- {} \"$kk_camp/files/{}\"",
            self.prelude(),
            quote(&self.places.upload_path(source)),
            source.sha256.hex()
        );
        Script::new(text, SHORT)
    }

    /// Fetches a file to where checked uploads lie, as the fetching program has checked it, and keeps it for others;
    /// [`kept`] reads the answer.
    pub fn fetch(&self, source: &Source, from: SocketAddr, token: &Token) -> Script {
        let hex = source.sha256.hex();
        let text = format!(
            "kk_camp={folder} kk_to={to}\n\
             \"$kk_camp/kk\" host fetch --from {from} --sha256 {hex} --size {size} --to \"$kk_to\" <<'KK_TOKEN' || exit 1\n\
             {token}\n\
             KK_TOKEN\n\
             ln -f -- \"$kk_to\" \"$kk_camp/files/{hex}\" && echo kept || :",
            folder = quote(&self.folder()),
            to = quote(&self.places.checked_path(&source.sha256)),
            size = source.size,
            token = token.expose(),
        );
        Script::new(text, longest(source.size) + SHORT)
    }

    /// Takes the folder away.
    pub fn strike(&self) -> Script {
        let state = quote(&self.places.state);
        Script::new(
            format!("rm -rf -- {}\nrmdir -- {state}/peers 2>/dev/null || :", quote(&self.folder())),
            Duration::from_secs(20),
        )
    }
}

/// Whether a host that fetched a file has it for others.
pub fn kept(stdout: &str) -> bool {
    stdout.lines().any(|line| line == "kept")
}

/// The port that a server told.
pub fn port(stdout: &str) -> Option<u16> {
    stdout.trim().parse().ok().filter(|port| *port != 0)
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::digest::Digest;

    #[test]
    fn the_token_is_in_no_argument() {
        let camp = Camp::new(&Places::default(), "ab12/../");
        assert_eq!(camp.program(), "/var/lib/kk/peers/ab12/kk");
        let token = Token::random().unwrap();
        let source = Source { path: "files/x".into(), sha256: Digest::of(b"x"), size: 1 };
        let address: SocketAddr = "10.0.0.1:4000".parse().unwrap();
        for script in [camp.serve(address.ip(), &token), camp.fetch(&source, address, &token)] {
            let text = script.expose();
            let lines: Vec<&str> = text.lines().filter(|line| line.contains(token.expose())).collect();
            assert_eq!(lines, [token.expose()]);
        }
    }

    #[test]
    fn what_hosts_answer() {
        assert_eq!((port("4000\n"), port("0\n"), port("70000"), port("")), (Some(4000), None, None, None));
        assert!(kept("kept\n") && !kept("") && !kept("not kept\n"));
    }
}
