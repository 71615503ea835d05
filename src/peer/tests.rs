//! A server and its readers on 127.0.0.1, and servers that lie.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use super::*;
use crate::digest::Digest;

/// A server of this folder, for as long as the test lasts.
fn server(folder: &Path, token: &Token) -> SocketAddr {
    let (sender, receiver) = std::sync::mpsc::channel();
    let options = Serve {
        folder: folder.to_owned(),
        listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
        token: token.clone(),
        idle: Duration::from_secs(60),
    };
    std::thread::spawn(move || serve(options, |address| sender.send(address).map_err(std::io::Error::other)));
    receiver.recv().unwrap()
}

/// A server that says this to whoever connects first.
fn liar(said: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(&said);
    });
    address
}

fn bytes() -> Vec<u8> {
    (0u32..1 << 20).flat_map(u32::to_le_bytes).collect()
}

fn wanted(from: SocketAddr, token: &Token, bytes: &[u8], to: &Path) -> Fetch {
    Fetch { from, token: token.clone(), sha256: Digest::of(bytes), size: bytes.len() as u64, to: to.to_owned() }
}

#[test]
fn a_file_goes_from_one_host_to_others_at_once() {
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (token, bytes) = (Token::random().unwrap(), bytes());
    std::fs::write(there.path().join(Digest::of(&bytes).hex()), &bytes).unwrap();
    let address = server(there.path(), &token);
    std::thread::scope(|scope| {
        for number in 0..3 {
            let wanted = wanted(address, &token, &bytes, &here.path().join(number.to_string()));
            scope.spawn(move || fetch(&wanted).unwrap());
        }
    });
    for number in 0..3 {
        let path = here.path().join(number.to_string());
        assert!(std::fs::read(&path).unwrap() == bytes);
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(std::fs::read_dir(here.path()).unwrap().count(), 3);
}

#[test]
fn strangers_get_nothing_and_neither_does_who_asks_for_what_is_not_there() {
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let token = Token::random().unwrap();
    std::fs::write(there.path().join(Digest::of(b"x").hex()), b"x").unwrap();
    let address = server(there.path(), &token);
    let to = here.path().join("file");
    for wanted in [wanted(address, &Token::random().unwrap(), b"x", &to), wanted(address, &token, b"y", &to)] {
        let error = fetch(&wanted).unwrap_err();
        assert!(error.to_string().ends_with("says: HTTP/1.1 404 Not Found"), "{error}");
    }
    for said in ["GET / HTTP/1.1\r\n\r\n", "GET /../../etc/passwd HTTP/1.1\r\n\r\n", "\r\n\r\n"] {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(said.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    }
    fetch(&wanted(address, &token, b"x", &to)).unwrap();
}

#[test]
fn a_server_that_lies_is_not_believed() {
    let here = tempfile::tempdir().unwrap();
    let (to, token) = (here.path().join("file"), Token::random().unwrap());
    let head = |size: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").into_bytes();
    let answer = |size: usize, body: &[u8]| [head(size), body.to_vec()].concat();
    for (said, told) in [
        (answer(5, b"wrong"), "sent sha256:"),
        (answer(5, b"wro"), "ended early"),
        (answer(9, b"wrong"), "has 9 bytes of it, and 5 are wanted"),
        (b"HTTP/1.1 200 OK\r\n\r\nright".to_vec(), "does not say how long"),
        (vec![b'x'; 100_000], "ended early"),
        (Vec::new(), "ended early"),
    ] {
        let error = fetch(&wanted(liar(said), &token, b"right", &to)).unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
        assert_eq!(std::fs::read_dir(here.path()).unwrap().count(), 0);
    }
    // More than was promised is not read.
    fetch(&wanted(liar(answer(5, b"right and more")), &token, b"right", &to)).unwrap();
    assert_eq!(std::fs::read(&to).unwrap(), b"right");
}

#[test]
fn a_server_that_is_away_is_known_at_once_and_one_that_nobody_wants_ends() {
    let here = tempfile::tempdir().unwrap();
    let token = Token::random().unwrap();
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let begun = Instant::now();
    let error = fetch(&wanted(gone, &token, b"x", &here.path().join("file"))).unwrap_err();
    assert!(matches!(error, FetchError::Connect { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(2));
    let idle = Duration::from_millis(100);
    let listen = IpAddr::V4(Ipv4Addr::LOCALHOST);
    serve(Serve { folder: here.path().into(), listen, token, idle }, |_| Ok(())).unwrap();
}

#[test]
fn tokens_are_read_from_one_line_and_not_shown() {
    let token = Token::random().unwrap();
    let read = Token::read(format!("{}\nmore", token.expose()).as_bytes()).unwrap();
    assert!(read.is(token.expose()) && !read.is("") && !read.is(&"0".repeat(32)));
    assert!(!format!("{token:?}").contains(token.expose()));
    for text in ["", "\n", "abc\n", &"g".repeat(32), &"0".repeat(33)] {
        assert!(Token::read(text.as_bytes()).is_err(), "{text}");
    }
}
