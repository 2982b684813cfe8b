//! Regions, partitions, and the host that a presigned STS request names.
//!
//! The hosts are those that botocore resolves for STS. Where aws-iam-authenticator's verifier (the
//! server's side of every EKS cluster) would not take such a host, there is an error instead of a
//! token that fails later without a reason.

use std::fmt;

use crate::error::{Error, Result};

/// The name of an AWS region, such as `eu-west-1`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Region(String);

impl Region {
    /// Reads a region's name: letters, digits and hyphens, as the verifier wants it.
    pub fn parse(text: &str) -> Result<Self> {
        let edge = |character: Option<char>| character.is_some_and(|c| c.is_ascii_alphanumeric());
        let valid = text.len() <= 63
            && edge(text.chars().next())
            && edge(text.chars().next_back())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(
                Error::configuration(format!("`{text}` is not the name of an AWS region"))
                    .with_hint("write a region such as eu-west-1"),
            )
        }
    }

    /// The region in which the cluster behind this API server's URL runs, where it is the host name
    /// of an EKS cluster: `<id>.<group>.<region>.eks.<domain>`, with `eks-fips` or a dual-stack
    /// domain as well, and the form of IPv6 clusters since October 2024,
    /// `<cluster>.<region>.<dual-stack domain>` (EKS user guide, "Cluster API server endpoint").
    #[must_use]
    pub fn of_api_server(server: &str) -> Option<Self> {
        let server = server.to_ascii_lowercase();
        let rest = server.strip_prefix("https://")?;
        let host = rest.split(['/', ':', '?']).next()?;
        let labels: Vec<_> = host.split('.').collect();
        let service = labels
            .iter()
            .position(|label| *label == "eks" || *label == "eks-fips");
        let Some(service) = service else {
            return Self::of_dual_stack_cluster(host);
        };
        let domain = labels[service + 1..].join(".");
        let region = Self::parse(labels.get(service.checked_sub(1)?)?).ok()?;
        let partition = Partition::of(&region);
        (service >= 2 && partition.eks_domains().any(|known| known == domain)).then_some(region)
    }

    fn of_dual_stack_cluster(host: &str) -> Option<Self> {
        // The user guide lists this one for clusters in China, without `api`.
        const OF_CHINA: &str = "amazonwebservices.com.cn";
        PARTITIONS.into_iter().find_map(|partition| {
            let china = (partition.name == "aws-cn").then_some(OF_CHINA);
            let domains = [partition.dual_stack_domain, china];
            domains.into_iter().flatten().find_map(|domain| {
                let rest = host.strip_suffix(domain)?.strip_suffix('.')?;
                let (cluster, region) = rest.rsplit_once('.')?;
                let is_region =
                    region.contains('-') && region.ends_with(|c: char| c.is_ascii_digit());
                let region = Self::parse(region).ok().filter(|_| is_region)?;
                let is_of = Partition::of(&region).name == partition.name;
                (is_of && !cluster.is_empty()).then_some(region)
            })
        })
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Which kind of endpoint to use: `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct EndpointMode {
    /// Endpoints with FIPS 140 cryptography.
    pub fips: bool,
    /// Endpoints with IPv4 and IPv6.
    pub dual_stack: bool,
}

/// Where a presigned STS request goes, and the region that it is signed for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StsHost {
    /// The host's name.
    pub host: String,
    /// The region in the credential scope.
    pub signing_region: String,
}

impl StsHost {
    /// The host for `region`, as botocore resolves it.
    ///
    /// The error is of kind [`Configuration`](crate::error::Kind::Configuration): the verifier takes
    /// no such host, or there is none.
    pub fn resolve(region: &Region, mode: EndpointMode) -> Result<Self> {
        // botocore's pseudo-regions: `us-east-1-fips` stands for FIPS in `us-east-1`, `aws-global`
        // for the one host that serves the commercial partition.
        let (region, mode) = match region.as_str().strip_suffix("-fips") {
            Some(region) => (Region::parse(region)?, EndpointMode { fips: true, ..mode }),
            None => (region.clone(), mode),
        };
        if region.as_str() == "aws-global" {
            if mode != EndpointMode::default() {
                return Err(
                    refusal(&region, mode, "the global host has no such variant")
                        .with_hint("name a region such as us-east-1"),
                );
            }
            return Ok(Self {
                host: "sts.amazonaws.com".to_owned(),
                signing_region: "us-east-1".to_owned(),
            });
        }
        let partition = Partition::of(&region);
        let domain = match (mode.dual_stack, partition.dual_stack_domain) {
            (false, _) => partition.domain,
            (true, Some(domain)) => domain,
            (true, None) => {
                return Err(refusal(
                    &region,
                    mode,
                    "EKS takes no dual-stack host in this partition",
                )
                .with_hint("unset AWS_USE_DUALSTACK_ENDPOINT"));
            }
        };
        // In AWS GovCloud the plain host is the FIPS host.
        let plain_is_fips = partition.name == "aws-us-gov" && !mode.dual_stack;
        let service = if mode.fips && !plain_is_fips {
            "sts-fips"
        } else {
            "sts"
        };
        Ok(Self {
            host: format!("{service}.{region}.{domain}"),
            signing_region: region.0,
        })
    }
}

fn refusal(region: &Region, mode: EndpointMode, reason: &str) -> Error {
    let variant = match mode {
        EndpointMode {
            fips: true,
            dual_stack: true,
        } => "FIPS and dual-stack STS host",
        EndpointMode {
            fips: true,
            dual_stack: false,
        } => "FIPS STS host",
        EndpointMode {
            fips: false,
            dual_stack: true,
        } => "dual-stack STS host",
        EndpointMode {
            fips: false,
            dual_stack: false,
        } => "STS host",
    };
    Error::configuration(format!(
        "there is no {variant} for the region `{region}`: {reason}"
    ))
}

/// A separate part of AWS with regions and domains of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Partition {
    /// The name, as ARNs hold it.
    pub(crate) name: &'static str,
    prefix: &'static str,
    domain: &'static str,
    /// The domain that the verifier accepts for dual-stack hosts.
    dual_stack_domain: Option<&'static str>,
    /// A region whose STS serves the whole partition.
    pub(crate) default_region: &'static str,
}

/// The commercial partition is the last: botocore puts every region there that no other claims.
const PARTITIONS: [Partition; 8] = [
    Partition {
        name: "aws-cn",
        prefix: "cn-",
        domain: "amazonaws.com.cn",
        dual_stack_domain: Some("api.amazonwebservices.com.cn"),
        default_region: "cn-north-1",
    },
    Partition {
        name: "aws-us-gov",
        prefix: "us-gov-",
        domain: "amazonaws.com",
        dual_stack_domain: Some("api.aws"),
        default_region: "us-gov-west-1",
    },
    Partition {
        name: "aws-iso",
        prefix: "us-iso-",
        domain: "c2s.ic.gov",
        dual_stack_domain: None,
        default_region: "us-iso-east-1",
    },
    Partition {
        name: "aws-iso-b",
        prefix: "us-isob-",
        domain: "sc2s.sgov.gov",
        dual_stack_domain: None,
        default_region: "us-isob-east-1",
    },
    Partition {
        name: "aws-iso-e",
        prefix: "eu-isoe-",
        domain: "cloud.adc-e.uk",
        dual_stack_domain: None,
        default_region: "eu-isoe-west-1",
    },
    Partition {
        name: "aws-iso-f",
        prefix: "us-isof-",
        domain: "csp.hci.ic.gov",
        dual_stack_domain: None,
        default_region: "us-isof-south-1",
    },
    Partition {
        name: "aws-eusc",
        prefix: "eusc-",
        domain: "amazonaws.eu",
        dual_stack_domain: Some("api.amazonwebservices.eu"),
        default_region: "eusc-de-east-1",
    },
    COMMERCIAL,
];

const COMMERCIAL: Partition = Partition {
    name: "aws",
    prefix: "",
    domain: "amazonaws.com",
    dual_stack_domain: Some("api.aws"),
    default_region: "us-east-1",
};

impl Partition {
    /// The partition of a region.
    pub(crate) fn of(region: &Region) -> Self {
        PARTITIONS
            .into_iter()
            .find(|partition| region.as_str().starts_with(partition.prefix))
            .unwrap_or(COMMERCIAL)
    }

    /// The partition of this name, as ARNs hold it.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        PARTITIONS
            .into_iter()
            .find(|partition| partition.name == name)
    }

    fn eks_domains(self) -> impl Iterator<Item = &'static str> {
        [Some(self.domain), self.dual_stack_domain]
            .into_iter()
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_of_api_servers() {
        for (server, want) in [
            (
                "https://0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com",
                Some("eu-west-1"),
            ),
            (
                "https://0123456789ABCDEF.yl4.cn-north-1.eks.amazonaws.com.cn:443/",
                Some("cn-north-1"),
            ),
            (
                "https://0123456789ABCDEF.gr7.us-gov-west-1.eks.amazonaws.com",
                Some("us-gov-west-1"),
            ),
            (
                "https://0123456789ABCDEF.gr7.us-east-1.eks-fips.amazonaws.com",
                Some("us-east-1"),
            ),
            (
                "https://0123456789ABCDEF.sk1.us-iso-east-1.eks.c2s.ic.gov",
                Some("us-iso-east-1"),
            ),
            (
                "https://0123456789ABCDEF.sk1.us-isob-east-1.eks.sc2s.sgov.gov",
                Some("us-isob-east-1"),
            ),
            (
                "https://0123456789ABCDEF.sk1.eu-isoe-west-1.eks.cloud.adc-e.uk",
                Some("eu-isoe-west-1"),
            ),
            (
                "https://0123456789ABCDEF.sk1.us-isof-south-1.eks.csp.hci.ic.gov",
                Some("us-isof-south-1"),
            ),
            (
                "https://0123456789ABCDEF.sk1.eusc-de-east-1.eks.amazonaws.eu",
                Some("eusc-de-east-1"),
            ),
            (
                "https://0123456789ABCDEF.GR7.EU-WEST-1.EKS.amazonaws.com",
                Some("eu-west-1"),
            ),
            (
                "https://0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com.cn",
                None,
            ),
            // Dual-stack, since October 2024.
            ("https://eks-cluster.eu-west-1.api.aws", Some("eu-west-1")),
            (
                "https://abc.gr7.us-gov-east-1.api.aws",
                Some("us-gov-east-1"),
            ),
            (
                "https://abc.gr7.cn-north-1.api.amazonwebservices.com.cn",
                Some("cn-north-1"),
            ),
            (
                "https://abc.gr7.cn-northwest-1.amazonwebservices.com.cn",
                Some("cn-northwest-1"),
            ),
            (
                "https://abc.gr7.eusc-de-east-1.api.amazonwebservices.eu",
                Some("eusc-de-east-1"),
            ),
            (
                "https://abc.gr7.eu-west-1.api.amazonwebservices.com.cn",
                None,
            ),
            ("https://eu-west-1.api.aws", None),
            ("https://abc.example.api.aws", None),
            ("https://.eu-west-1.api.aws", None),
            ("https://abc.eu-west-1.eks.api.aws", Some("eu-west-1")),
            ("https://abc.gr7.eu-west-1.eks.example.com", None),
            ("https://eu-west-1.eks.amazonaws.com", None),
            ("https://eks.eu-west-1.amazonaws.com", None),
            ("http://abc.gr7.eu-west-1.eks.amazonaws.com", None),
            ("https://127.0.0.1:6443", None),
            ("eks", None),
        ] {
            let region = Region::of_api_server(server);
            assert_eq!(region.as_ref().map(Region::as_str), want, "{server}");
        }
    }

    #[test]
    fn names_of_regions() {
        for (text, valid) in [
            ("eu-west-1", true),
            ("a", true),
            ("", false),
            ("-eu", false),
            ("eu-", false),
            ("eu west", false),
            ("eu.west", false),
            ("évry-1", false),
        ] {
            assert_eq!(Region::parse(text).is_ok(), valid, "{text}");
        }
    }

    #[test]
    fn hosts_that_no_verifier_takes_are_refused() {
        let dual_stack = EndpointMode {
            fips: false,
            dual_stack: true,
        };
        for region in [
            "us-iso-east-1",
            "us-isob-east-1",
            "eu-isoe-west-1",
            "us-isof-south-1",
            "aws-global",
        ] {
            let error = StsHost::resolve(&Region::parse(region).unwrap(), dual_stack).unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with("there is no dual-stack STS host"),
                "{error}"
            );
        }
    }
}
