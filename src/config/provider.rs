//! The cloud that runs a Kubernetes cluster.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A provider of Kubernetes clusters. `Display` prints its name in settings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ClusterProvider {
    /// Amazon Elastic Kubernetes Service.
    Eks,
    /// Google Kubernetes Engine.
    Gke,
    /// Azure Kubernetes Service.
    Aks,
}

impl ClusterProvider {
    /// The names of all providers in settings.
    pub const NAMES: [&'static str; 3] = ["eks", "gke", "aks"];

    /// The name in settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eks => "eks",
            Self::Gke => "gke",
            Self::Aks => "aks",
        }
    }

    /// The name in messages.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Eks => "EKS",
            Self::Gke => "GKE",
            Self::Aks => "AKS",
        }
    }

    /// Rejects a flag that is for clusters of `owner` only, if this is another provider.
    pub(crate) fn check_flag(self, flag: &str, owner: Self) -> Result<()> {
        if self == owner {
            return Ok(());
        }
        let (owner, provider) = (owner.title(), self.title());
        let message = format!("`{flag}` is for {owner}, but the provider is {provider}");
        Err(Error::configuration(message).with_hint(format!("remove `{flag}`")))
    }
}

impl fmt::Display for ClusterProvider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for ClusterProvider {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut all = [Self::Eks, Self::Gke, Self::Aks].into_iter();
        all.find(|provider| provider.as_str() == text)
            .ok_or_else(|| {
                Error::configuration(format!("`{text}` is not a provider of Kubernetes clusters"))
                    .with_hint("use eks, gke or aks")
            })
    }
}
