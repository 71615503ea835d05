use super::*;

fn said(member: u64, leader: u64, rest: &str) -> String {
    format!(
        "unit active\nenabled enabled\ninstalled yes\n\
         backup 1795000000 20512 /var/backups/kube_etcd/sample-20261118T110640Z.db\n\
         status [{{\"Endpoint\":\"https://127.0.0.1:2379\",\"Status\":{{\"header\":{{\"cluster_id\":14841639068965178418,\
         \"member_id\":{member},\"revision\":4711,\"raft_term\":3}},\"version\":\"3.6.15\",\"dbSize\":6000000,\
         \"leader\":{leader},\"raftIndex\":5000,\"raftTerm\":3,\"raftAppliedIndex\":5000,\"dbSizeInUse\":4000000,\
         \"storageVersion\":\"3.6.0\",\"dbSizeQuota\":2147483648,\"downgradeInfo\":{{}}}}}}]\n\
         health [{{\"endpoint\":\"https://127.0.0.1:2379\",\"health\":true,\"took\":\"4.1ms\"}}]\n\
         members {{\"header\":{{}},\"members\":[{{\"ID\":{member},\"name\":\"one\",\"peerURLs\":[]}}]}}\n{rest}"
    )
}

fn cluster() -> Cluster {
    Cluster { name: "sample".into(), spec: Default::default(), path: Default::default() }
}

#[test]
fn a_member_that_is_well() {
    let report = report(&cluster(), vec![read_member("node1", &said(10_276_657_743_932_975_437, 7, ""))]);
    insta::assert_snapshot!(serde_json::to_string_pretty(&report).unwrap(), @r#"
    {
      "cluster": "sample",
      "healthy": true,
      "members": [
        {
          "host": "node1",
          "name": "one",
          "healthy": true,
          "trouble": null,
          "id": "8e9e05c52164694d",
          "version": "3.6.15",
          "leader": false,
          "learner": false,
          "dbSize": 6000000,
          "dbSizeInUse": 4000000,
          "revision": 4711,
          "raftIndex": 5000,
          "raftTerm": 3,
          "alarms": [],
          "lastBackup": {
            "file": "/var/backups/kube_etcd/sample-20261118T110640Z.db",
            "time": "2026-11-18 11:06:40 UTC",
            "size": 20512
          }
        }
      ]
    }
    "#);
}

#[test]
fn why_a_member_is_not_well() {
    let sick = |text: &str| read_member("node1", text).member.trouble.unwrap_or_default();
    let told = [
        sick(""),
        sick("unit inactive\nenabled disabled\ninstalled yes\nstatus \n"),
        sick("unit activating\nenabled enabled\ninstalled yes\nstatus \n"),
        sick("unit active\ninstalled yes\nstatus \nhealth [{\"health\":false}]\n"),
        sick(&said(1, 0, "")),
        sick(&said(1, 1, "").replace("\"health\":true", "\"health\":false,\"error\":\"context deadline exceeded\"")),
        sick(&said(1, 1, "").replace("\"version\"", "\"errors\":[\"NOSPACE\"],\"version\"")),
    ];
    insta::assert_snapshot!(told.join("\n"), @"
    etcd is not installed here
    etcd.service is inactive and not enabled
    etcd.service is activating
    etcd runs and does not answer
    it knows no leader
    context deadline exceeded
    NOSPACE
    ");
}

#[test]
fn alarms_and_strangers_are_told_of_all_members() {
    let alarms = "alarms {\"header\":{},\"alarms\":[{\"memberID\":2,\"alarm\":1}]}\n";
    let stranger = said(3, 3, "").replace("14841639068965178418", "5");
    let situations = vec![
        read_member("node1", &said(1, 1, alarms)),
        read_member("node2", &said(2, 1, "")),
        read_member("node3", &stranger),
        Situation::unseen("node4", "node4: cannot connect to 192.0.2.14:22".into()),
    ];
    let report = report(&cluster(), situations);
    assert!(!report.healthy);
    let told: Vec<String> = report
        .members
        .iter()
        .map(|member| format!("{} {}: {}", member.host, member.name, member.trouble.clone().unwrap_or_default()))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @"
    node1 one: 
    node2 one: alarm NOSPACE
    node3 one: it belongs to another cluster of etcd than the first member that is well
    node4 node4: node4: cannot connect to 192.0.2.14:22
    ");
}
