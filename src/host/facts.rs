use super::{Machine, MachineError};
pub struct Facts {
    pub arch: String,
    pub joined: bool,
    pub kubelet_conf: bool,
}
impl Facts {
    pub fn swap_in_use(&self) -> bool {
        false
    }
}
pub async fn gather(machine: &dyn Machine) -> Result<Facts, MachineError> {
    let s = super::Script::new(
        "[ -s /var/lib/kk/kubernetes/joined ] && echo joined\n[ -s /etc/kubernetes/kubelet.conf ] && echo conf\n:",
        std::time::Duration::from_secs(20),
    );
    let o = machine.run(&s).await?;
    Ok(Facts { arch: "amd64".into(), joined: o.stdout.contains("joined"), kubelet_conf: o.stdout.contains("conf") })
}
