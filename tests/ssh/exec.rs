//! Running scripts: what they get, what they give back, how they end.

use std::time::{Duration, Instant};

use kk::host::{Machine, MachineError, Script};

use crate::sshd::{Sshd, run, stdout};

#[tokio::test]
async fn what_a_script_gets() {
    let sshd = Sshd::start("");
    let session = sshd.session().await;
    assert_eq!(session.name(), "node1");
    assert_eq!(stdout(&session, "cat; umask; echo $LC_ALL; pwd").await, "0022\nC\n/\n");
    let output = run(&session, "echo out; echo err >&2; exit 3").await.unwrap();
    assert_eq!((output.status, output.stdout.as_str(), output.stderr.as_str()), (3, "out\n", "err\n"));
    // A script larger than any pipe or window, and none of it in a process list.
    let big = format!("kk_text='{}'\necho ${{#kk_text}}", "x".repeat(3 << 20));
    assert_eq!(stdout(&session, &big).await, format!("{}\n", 3 << 20));
    let output = run(&session, "if then").await;
    assert!(matches!(output, Err(MachineError::Output { .. })), "{output:?}");
    assert_eq!(stdout(&session, "tr '\\0' ' ' </proc/$$/cmdline").await, "/bin/sh -s ");
}

#[tokio::test]
async fn output_is_bounded() {
    let sshd = Sshd::start("");
    let session = sshd.session().await;
    let output = run(&session, "yes | head -c 100000 >&2; echo end >&2").await.unwrap();
    assert_eq!(output.stderr.len(), 64 << 10);
    assert!(output.stderr.ends_with("y\nend\n"));
    assert_eq!(stdout(&session, "head -c 4000000 /dev/zero | tr '\\0' x").await.len(), 4_000_000);
    let started = Instant::now();
    let error = run(&session, "yes").await.unwrap_err();
    assert_eq!(error.to_string(), "node1: it printed more than 4 MiB");
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(stdout(&session, "echo still here").await, "still here\n");
}

#[tokio::test]
async fn a_script_that_takes_too_long_is_ended() {
    let sshd = Sshd::start("");
    let session = sshd.session().await;
    let mark = sshd.folder.path().join("mark");
    let script = format!("sleep 3; touch {}", mark.display());
    let error = session.run(&Script::new(script, Duration::from_secs(1))).await.unwrap_err();
    assert_eq!(error.to_string(), "node1: no answer within 1 s");
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(!mark.exists(), "the script went on");
    assert_eq!(stdout(&session, "echo next").await, "next\n");
}

#[test]
fn a_script_ends_with_the_kk_that_started_it() {
    let sshd = Sshd::start("");
    let mark = sshd.folder.path().join("mark");
    let script = format!("sleep 3; touch {}", mark.display());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let session = runtime.block_on(sshd.session());
    let running = runtime.spawn(async move { run(&session, &script).await.map(|_| ()) });
    std::thread::sleep(Duration::from_secs(1));
    assert!(!running.is_finished());
    // As when the process is killed: nothing is said to the host, its socket is closed.
    runtime.shutdown_background();
    std::thread::sleep(Duration::from_secs(5));
    assert!(!mark.exists(), "the script went on");
}

#[tokio::test]
async fn a_script_that_is_killed() {
    let sshd = Sshd::start("");
    let session = sshd.session().await;
    let error = run(&session, "kill -KILL $$").await.unwrap_err();
    assert!(error.to_string().contains("ended by the signal KILL"), "{error}");
    assert_eq!(run(&session, "sh -c 'kill -TERM $$'").await.unwrap().status, 143);
}

#[tokio::test]
async fn a_lost_connection_is_said_and_made_anew() {
    let sshd = Sshd::start("");
    let session = sshd.session().await;
    let error = run(&session, "kill -KILL $PPID; sleep 5").await.unwrap_err();
    assert!(matches!(error, MachineError::Lost { .. }), "{error}");
    assert_eq!(stdout(&session, "echo again").await, "again\n");
}

#[tokio::test]
async fn a_daemon_left_behind_does_not_hold_the_script() {
    let sshd = Sshd::start("");
    let session = sshd.session().await;
    let started = Instant::now();
    assert_eq!(stdout(&session, "sleep 30 & echo started").await, "started\n");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn many_scripts_at_a_time() {
    for settings in ["", "MaxSessions 2", "MaxSessions 1"] {
        let sshd = Sshd::start(settings);
        let session = sshd.session().await;
        let scripts = (0..20).map(|number| {
            let session = &session;
            async move { stdout(session, &format!("sleep 0.1; echo {number}")).await }
        });
        for (number, printed) in futures::future::join_all(scripts).await.into_iter().enumerate() {
            assert_eq!(printed, format!("{number}\n"), "{settings}");
        }
    }
}

#[tokio::test]
async fn a_channel_that_nobody_reads_holds_nobody_up() {
    let sshd = Sshd::start("");
    let session = sshd.session().await;
    let abandoned = run(&session, "head -c 50000000 /dev/zero | tr '\\0' x; sleep 20");
    assert!(tokio::time::timeout(Duration::from_millis(20), abandoned).await.is_err());
    let started = Instant::now();
    assert_eq!(stdout(&session, "echo quick").await, "quick\n");
    assert!(started.elapsed() < Duration::from_secs(5));
}

/// A session whose opening nobody waits for any more is given back, also where the server's answer comes later.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_given_up_while_it_opens_is_free_again() {
    let sshd = Sshd::start("MaxSessions 1");
    let session = sshd.session().await;
    for attempt in 0..40 {
        let given_up = run(&session, "echo never");
        let _ = tokio::time::timeout(Duration::from_micros(100 * attempt), given_up).await;
    }
    assert_eq!(stdout(&session, "echo free").await, "free\n");
}
