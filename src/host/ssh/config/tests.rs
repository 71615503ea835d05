use super::*;

/// A home with these files in its `.ssh`.
fn home(files: &[(&str, &str)]) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = home.path().join(".ssh").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    home
}

fn config(text: &str) -> SshConfig {
    SshConfig::of_home(home(&[("config", text)]).path()).unwrap()
}

fn called(address: &str) -> Called<'_> {
    Called { address, name: None, address_open: false }
}

#[test]
fn the_first_value_counts() {
    let config = config(
        "User early\n\nHost web*\n  HostName 10.0.0.1\n  Port 2222\n  IdentityFile ~/.ssh/web\n  User late\n\
         Host *\n  Port 22\n  IdentityFile ~/.ssh/web\n  IdentityFile ~/.ssh/all\n  ProxyJump bastion\n",
    );
    assert_eq!(
        config.settings(called("web1")),
        Settings {
            host_name: Some("10.0.0.1".into()),
            port: Some(2222),
            user: Some("early".into()),
            identity_files: vec!["~/.ssh/web".into(), "~/.ssh/all".into()],
            proxy_jump: Some("bastion".into()),
        }
    );
    let other = config.settings(called("db1"));
    assert_eq!((other.host_name, other.port, other.identity_files.len()), (None, Some(22), 2));
}

#[test]
fn patterns_may_be_negated() {
    let config = config("Host *.lab !bad.lab\n User ann\nHost !*\n Port 1\n");
    assert_eq!(config.settings(called("a.lab")).user.as_deref(), Some("ann"));
    assert_eq!(config.settings(called("bad.lab")), Settings::default());
}

#[test]
fn match_blocks_count_only_for_all() {
    let config = config(
        "Match host web1\n User no\nMatch exec \"true\"\n User no\nMatch all\n Port 2222\nMatch final all\n User no\n\
         Host web1\n User ann\n",
    );
    let settings = config.settings(called("web1"));
    assert_eq!((settings.user.as_deref(), settings.port), (Some("ann"), Some(2222)));
}

#[test]
fn a_command_takes_the_place_of_a_jump_host() {
    let config =
        config("Host a\n ProxyCommand nc %h %p\nHost b\n ProxyJump j\n ProxyCommand none\nHost *\n ProxyJump x");
    assert_eq!(config.settings(called("a")).proxy_jump.as_deref(), Some("none"));
    assert_eq!(config.settings(called("b")).proxy_jump.as_deref(), Some("j"));
    assert_eq!(config.settings(called("c")).proxy_jump.as_deref(), Some("x"));
}

#[test]
fn hosts_have_two_names() {
    let config = config("Host node1\n HostName 192.0.2.7\n User ann\nHost 10.0.0.2\n HostName 192.0.2.8\n");
    let both = |address, name, address_open| {
        let settings = config.settings(Called { address, name: Some(name), address_open });
        (settings.host_name, settings.user)
    };
    assert_eq!(both("10.0.0.1", "node1", false), (None, Some("ann".into())));
    assert_eq!(both("10.0.0.1", "node1", true), (Some("192.0.2.7".into()), Some("ann".into())));
    assert_eq!(both("10.0.0.2", "node2", false), (Some("192.0.2.8".into()), None));
    assert_eq!(both("node1", "other", false), (Some("192.0.2.7".into()), Some("ann".into())));
}

#[test]
fn files_are_included() {
    let home = home(&[
        ("config", "Include conf.d/*.conf missing ~/.ssh/last\nHost web1\n Include inner\n User outer\n"),
        ("conf.d/20.conf", "Host *\n Port 20\n"),
        ("conf.d/10.conf", "Host a\n Port 10\n"),
        ("conf.d/10.bak", "Port 99\n"),
        ("conf.d/.hidden.conf", "Port 98\n"),
        ("last", "User last\nHost nobody\n"),
        ("inner", "IdentityFile inner\nHost db1\n IdentityFile never\n"),
    ]);
    let config = SshConfig::of_home(home.path()).unwrap();
    assert_eq!(config.settings(called("a")).port, Some(10));
    assert_eq!(config.settings(called("b")).port, Some(20));
    let web = config.settings(called("web1"));
    assert_eq!((web.user.as_deref(), web.identity_files), (Some("last"), vec!["inner".to_owned()]));
    assert!(config.settings(called("db1")).identity_files.is_empty());
}

#[test]
fn what_cannot_be_read_is_told() {
    let circle = home(&[("config", "Include config")]);
    let error = SshConfig::of_home(circle.path()).unwrap_err().to_string();
    assert!(error.contains("in a circle"), "{error}");
    let bad = home(&[("config", "Include other"), ("other", "Host a\nPort many")]);
    let error = SshConfig::of_home(bad.path()).unwrap_err().to_string();
    assert!(error.ends_with(".ssh/other line 2: a port is a number from 1 to 65535"), "{error}");
    let none = tempfile::tempdir().unwrap();
    assert!(SshConfig::of_home(none.path()).unwrap().blocks.is_empty());
    assert!(SshConfig::read(&none.path().join("named"), None).is_err());
    let large = home(&[("config", "#".repeat((1 << 20) + 1).as_str())]);
    assert!(SshConfig::of_home(large.path()).unwrap_err().to_string().ends_with("larger than 1 MiB"));
}
