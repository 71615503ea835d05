use super::*;

fn config(text: &str) -> SshConfig {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config"), text).unwrap();
    SshConfig::read(&folder.path().join("config"), None).unwrap()
}

fn host(name: &str, address: &str) -> Host {
    Host { name: name.into(), address: address.into(), internal_address: address.into(), ..Host::default() }
}

fn target(hosts: &[Host], text: &str) -> Result<Target, MachineError> {
    let config = config(text);
    let routes = Routes { hosts, config: &config, home: Some(Path::new("/home/ann")), user: Some("ann") };
    routes.target(hosts.last().unwrap())
}

/// `user@address:port` of every jump host.
fn way(hosts: &[Host], text: &str) -> String {
    let target = target(hosts, text).unwrap();
    let one = |hop: &Target| format!("{}={}@{}", hop.name, hop.user, hop.endpoint());
    target.via.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn jumping(name: &str, address: &str, jump: &str) -> Host {
    Host { proxy_jump: Some(jump.into()), ..host(name, address) }
}

#[test]
fn the_cluster_file_wins() {
    let text = "Host node1\n HostName 192.0.2.7\n Port 2222\n User bob\n IdentityFile ~/.ssh/%h-%r\n";
    let left_out = Host { address_left_out: true, ..host("node1", "10.0.0.1") };
    let found = target(&[left_out], text).unwrap();
    assert_eq!((found.endpoint().as_str(), found.user.as_str()), ("192.0.2.7:2222", "bob"));
    assert_eq!(found.identity_files, [PathBuf::from("/home/ann/.ssh/192.0.2.7-bob")]);
    let written = Host {
        port: Some(22),
        user: Some("root".into()),
        private_key_path: Some("~/key".into()),
        ..host("node1", "10.0.0.1")
    };
    let found = target(&[written], text).unwrap();
    assert_eq!((found.endpoint().as_str(), found.user.as_str()), ("10.0.0.1:22", "root"));
    assert!(found.identity_files.is_empty());
    let found = target(&[host("node2", "10.0.0.2")], text).unwrap();
    assert_eq!((found.endpoint().as_str(), found.user.as_str()), ("10.0.0.2:22", "root"));
    let alias = Host { internal_address: "10.0.0.1".into(), ..host("other", "node1") };
    assert_eq!(target(&[alias], text).unwrap().endpoint(), "192.0.2.7:2222");
}

#[test]
fn jump_hosts_by_name_and_by_address() {
    assert_eq!(way(&[jumping("n", "10.0.0.1", "bob@b:2222,c")], ""), "b=bob@b:2222 c=ann@c:22");
    let text = "Host b\n HostName 192.0.2.1\n Port 2200\n User carol\n";
    assert_eq!(way(&[jumping("n", "10.0.0.1", "b")], text), "b=carol@192.0.2.1:2200");
    assert_eq!(way(&[jumping("n", "10.0.0.1", "bob@b:22")], text), "b=bob@192.0.2.1:22");
    let all = "Host 10.*\n ProxyJump b\n";
    assert_eq!(way(&[host("n", "10.0.0.1")], all), "b=ann@b:22");
    assert_eq!(way(&[jumping("n", "10.0.0.1", "none")], all), "");
}

#[test]
fn a_jump_host_may_be_a_host_of_the_cluster() {
    let edge = Host {
        user: Some("dave".into()),
        port: Some(2222),
        password: Some("secret".into()),
        ..host("edge", "192.0.2.1")
    };
    for (jump, at, password) in [
        ("edge", "edge=dave@192.0.2.1:2222", true),
        ("192.0.2.1", "edge=dave@192.0.2.1:2222", true),
        ("192.0.2.1:2222", "edge=dave@192.0.2.1:2222", true),
        ("dave@edge:22", "edge=dave@192.0.2.1:22", true),
        ("eve@edge", "edge=eve@192.0.2.1:2222", false),
        ("192.0.2.1:22", "192.0.2.1=ann@192.0.2.1:22", false),
    ] {
        let hosts = [edge.clone(), jumping("n", "10.0.0.1", jump)];
        assert_eq!(way(&hosts, ""), at, "{jump}");
        assert_eq!(target(&hosts, "").unwrap().via[0].password.is_some(), password, "{jump}");
    }
    let hosts = [host("outer", "192.0.2.1"), jumping("inner", "10.0.0.1", "outer"), jumping("n", "10.1.0.1", "inner")];
    assert_eq!(way(&hosts, ""), "outer=root@192.0.2.1:22 inner=root@10.0.0.1:22");
}

#[test]
fn a_jump_host_is_not_behind_itself() {
    let all = "Host *\n ProxyJump b\nHost b\n HostName 192.0.2.1\n";
    assert_eq!(way(&[host("n", "10.0.0.1")], all), "b=ann@192.0.2.1:22");
    // The jump host as a host of the cluster.
    assert_eq!(way(&[host("edge", "192.0.2.1")], all), "");
    let two = "Host *\n ProxyJump a,b\n";
    assert_eq!(way(&[host("n", "10.0.0.1")], two), "a=ann@a:22 b=ann@b:22");
}

#[test]
fn circles_end() {
    let error = target(&[host("n", "10.0.0.1")], "Host a\n ProxyJump b\nHost *\n ProxyJump a\n").unwrap_err();
    assert!(error.to_string().starts_with("n: the jump host ") && error.to_string().contains("circle"), "{error}");
    let error = target(&[host("n", "10.0.0.1")], "Host *\n ProxyJump a,,b\n").unwrap_err();
    assert!(error.to_string().contains("a jump host is missing at a comma"), "{error}");
    let long = "Host n\n ProxyJump a,b,c,d,e,f,g,h\nHost a\n ProxyJump i\n";
    assert!(target(&[host("n", "10.0.0.1")], long).unwrap_err().to_string().contains("more than 8"));
}
