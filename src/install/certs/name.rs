//! The certificates of a site by their names: what commands are told and tables show.

use std::fmt;
use std::str::FromStr;

/// A certificate that can be renewed. Authorities are none of these: everything has to be made anew with them, which
/// [`super::rotation`] is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// What API servers show.
    Apiserver,
    ApiserverKubeletClient,
    ApiserverEtcdClient,
    FrontProxyClient,
    AdminConf,
    SuperAdminConf,
    ControllerManagerConf,
    SchedulerConf,
    /// What kubelets show to API servers.
    Kubelet,
    /// What kubelets show to those that ask them.
    KubeletServing,
    /// What members of etcd show to each other and to clients.
    Etcd,
    Registry,
    /// That of the operator's kubeconfig.
    Operator,
}

impl Name {
    pub const ALL: [Self; 13] = [
        Self::Apiserver,
        Self::ApiserverKubeletClient,
        Self::ApiserverEtcdClient,
        Self::FrontProxyClient,
        Self::AdminConf,
        Self::SuperAdminConf,
        Self::ControllerManagerConf,
        Self::SchedulerConf,
        Self::Kubelet,
        Self::KubeletServing,
        Self::Etcd,
        Self::Registry,
        Self::Operator,
    ];

    /// The name as it is written; those of kubeadm's are kubeadm's own.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apiserver => "apiserver",
            Self::ApiserverKubeletClient => "apiserver-kubelet-client",
            Self::ApiserverEtcdClient => "apiserver-etcd-client",
            Self::FrontProxyClient => "front-proxy-client",
            Self::AdminConf => "admin.conf",
            Self::SuperAdminConf => "super-admin.conf",
            Self::ControllerManagerConf => "controller-manager.conf",
            Self::SchedulerConf => "scheduler.conf",
            Self::Kubelet => "kubelet",
            Self::KubeletServing => "kubelet-serving",
            Self::Etcd => "etcd",
            Self::Registry => "registry",
            Self::Operator => "operator",
        }
    }

    /// Whether kubeadm makes it, with the authority's key that lies on control planes.
    pub fn is_kubeadms(self) -> bool {
        matches!(
            self,
            Self::Apiserver
                | Self::ApiserverKubeletClient
                | Self::FrontProxyClient
                | Self::AdminConf
                | Self::SuperAdminConf
                | Self::ControllerManagerConf
                | Self::SchedulerConf
        )
    }

    /// Whether the operator's machine makes it and keeps it in the site's folder.
    pub fn is_kept(self) -> bool {
        matches!(self, Self::ApiserverEtcdClient | Self::Etcd | Self::Registry | Self::Operator)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|name| name.as_str() == text);
        found.ok_or_else(|| match text.ends_with("-ca") {
            true => "it is an authority: all that it signed goes with it, and kk certs rotate-ca is for that".into(),
            false => format!("it is one of {}", Self::ALL.map(Self::as_str).join(", ")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in Name::ALL {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        assert!("kubernetes-ca".parse::<Name>().unwrap_err().contains("rotate-ca"));
        assert!("api".parse::<Name>().unwrap_err().contains("apiserver, "));
    }
}
