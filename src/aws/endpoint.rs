//! Regions, the host in a presigned STS request, and which endpoints of AWS to call.

use std::fmt;

use crate::aws::partition::{PARTITIONS, Partition};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::http::parse_url;

/// The name of an AWS region, such as `eu-west-1`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Region(String);

/// The first words of region names.
const AREAS: [&str; 11] = [
    "af", "ap", "ca", "cn", "eu", "eusc", "il", "me", "mx", "sa", "us",
];

/// The last words of region names, before the number.
const DIRECTIONS: [&str; 9] = [
    "central",
    "east",
    "north",
    "northeast",
    "northwest",
    "south",
    "southeast",
    "southwest",
    "west",
];

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Region {
    /// Parses a region name: up to 63 letters, digits and hyphens, as aws-iam-authenticator requires
    /// it in the host name of a presigned request.
    pub fn parse(text: &str) -> Result<Self> {
        let is_valid = text.len() <= 63
            && !text.is_empty()
            && !text.starts_with('-')
            && !text.ends_with('-')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if is_valid {
            Ok(Self(text.to_owned()))
        } else {
            let message = format!("`{text}` is not a valid AWS region name");
            Err(Error::configuration(message).with_hint("use a region such as `eu-west-1`"))
        }
    }

    /// The region in the URL of an EKS cluster's API server; `None` for other URLs.
    ///
    /// The hosts are `<id>.<group>.<region>.eks.<domain>`, with `eks-fips` or a dual-stack domain as
    /// well, and for IPv6 clusters since October 2024 `<cluster>.<region>.<dual-stack domain>` (EKS
    /// user guide, "Cluster API server endpoint").
    #[must_use]
    pub fn of_api_server(url: &str) -> Option<Self> {
        let url = url.to_ascii_lowercase();
        let host = url
            .strip_prefix("https://")?
            .split(['/', ':', '?'])
            .next()?;
        let labels: Vec<_> = host.split('.').collect();
        let is_service = |label: &&str| matches!(*label, "eks" | "eks-fips");
        let Some(service) = labels.iter().position(is_service) else {
            return Self::of_dual_stack_api_server(host);
        };
        let domain = labels[service + 1..].join(".");
        let region = Self::parse(labels.get(service.checked_sub(1)?)?).ok()?;
        let partition = Partition::of_region(region.as_str());
        let is_eks_domain =
            domain == partition.domain || Some(domain.as_str()) == partition.dual_stack_domain;
        (service >= 2 && is_eks_domain).then_some(region)
    }

    fn of_dual_stack_api_server(host: &str) -> Option<Self> {
        // The user guide lists this domain, without `api`, for clusters in China.
        const CHINA: &str = "amazonwebservices.com.cn";
        PARTITIONS.into_iter().find_map(|partition| {
            let china = (partition.name == "aws-cn").then_some(CHINA);
            let domains = [partition.dual_stack_domain, china];
            domains.into_iter().flatten().find_map(|domain| {
                let rest = host.strip_suffix(domain)?.strip_suffix('.')?;
                let (cluster, region) = rest.rsplit_once('.')?;
                let is_region =
                    region.contains('-') && region.ends_with(|c: char| c.is_ascii_digit());
                let region = Self::parse(region).ok().filter(|_| is_region)?;
                let is_in_partition = Partition::of_region(region.as_str()).name == partition.name;
                (is_in_partition && !cluster.is_empty()).then_some(region)
            })
        })
    }

    /// A warning if the name does not look like that of a region. AWS adds regions, so that there is no
    /// complete list.
    #[must_use]
    pub(crate) fn spelling_warning(&self) -> Option<String> {
        let name = self.as_str();
        let (start, number) = name.rsplit_once('-')?;
        let (area, direction) = start.rsplit_once('-').unwrap_or((start, ""));
        let known_area = AREAS.contains(&area.split('-').next().unwrap_or_default());
        if known_area && DIRECTIONS.contains(&direction) && is_number(number) {
            return None;
        }
        let zone_number = number.trim_end_matches(|c: char| c.is_ascii_lowercase());
        let similarity = |known: &&str| strsim::normalized_damerau_levenshtein(direction, known);
        let suggestion = DIRECTIONS
            .iter()
            .max_by(|a, b| similarity(a).total_cmp(&similarity(b)))
            .filter(|nearest| similarity(nearest) >= 0.6)
            .filter(|_| known_area && is_number(zone_number))
            .map(|direction| format!("; did you mean `{area}-{direction}-{zone_number}`?"));
        let suggestion = suggestion.unwrap_or_default();
        Some(format!(
            "`{name}` does not look like an AWS region{suggestion}"
        ))
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

/// The variant of an endpoint: `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct EndpointMode {
    /// FIPS 140 cryptography.
    pub fips: bool,
    /// Both IPv4 and IPv6.
    pub dual_stack: bool,
}

/// An AWS service that kubectl-esc calls.
#[derive(Clone, Copy, Debug)]
pub(super) enum Service {
    Eks,
    Sts,
}

impl Service {
    /// The variable that replaces the endpoint of this service alone.
    pub(super) fn endpoint_variable(self) -> &'static str {
        match self {
            Self::Eks => "AWS_ENDPOINT_URL_EKS",
            Self::Sts => "AWS_ENDPOINT_URL_STS",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Eks => "Amazon EKS",
            Self::Sts => "AWS STS",
        })
    }
}

/// Which endpoint of a service to call.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct EndpointSettings {
    /// A URL that replaces the region's endpoint.
    pub endpoint: Option<String>,
    /// The variant of the region's endpoint.
    pub endpoint_mode: EndpointMode,
}

impl EndpointSettings {
    /// Reads the settings for STS from the variables that all AWS tools share:
    /// `AWS_ENDPOINT_URL_STS`, then `AWS_ENDPOINT_URL` (both unless
    /// `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` is true), `AWS_USE_FIPS_ENDPOINT` and
    /// `AWS_USE_DUALSTACK_ENDPOINT`.
    pub fn for_sts(host: &Host) -> Result<Self> {
        Self::read(host, Service::Sts)
    }

    pub(super) fn read(host: &Host, service: Service) -> Result<Self> {
        let endpoint = if is_true(host, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")? {
            None
        } else {
            host.first_variable(&[service.endpoint_variable(), "AWS_ENDPOINT_URL"])?
        };
        if let Some((variable, url)) = &endpoint {
            parse_url(url).map_err(|problem| {
                Error::configuration(format!("`{variable}` is not a usable endpoint URL"))
                    .with_hint(problem.hint().unwrap_or_default().to_owned())
                    .caused_by(problem)
            })?;
        }
        Ok(Self {
            endpoint: endpoint.map(|(_, url)| url),
            endpoint_mode: EndpointMode {
                fips: is_true(host, "AWS_USE_FIPS_ENDPOINT")?,
                dual_stack: is_true(host, "AWS_USE_DUALSTACK_ENDPOINT")?,
            },
        })
    }
}

/// Reads a variable that is `true`, `false` (in any case) or unset.
fn is_true(host: &Host, variable: &str) -> Result<bool> {
    match host.variable(variable)? {
        None => Ok(false),
        Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
        Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
        Some(_) => Err(
            Error::configuration(format!("`{variable}` must be `true` or `false`"))
                .with_hint(format!("correct or unset `{variable}`")),
        ),
    }
}

/// The host of a presigned STS request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StsHost {
    /// The host name.
    pub host: String,
    /// The region in the credential scope of the signature.
    pub signing_region: String,
}

impl StsHost {
    /// Resolves the host for `region`, as botocore does.
    ///
    /// Fails with [`Kind::Configuration`](crate::error::Kind::Configuration) if there is no such
    /// host, or if aws-iam-authenticator, which verifies the tokens of every EKS cluster, rejects it:
    /// that would only show later, as a 401 without a reason.
    pub fn resolve(region: &Region, mode: EndpointMode) -> Result<Self> {
        // Pseudo-regions of botocore: `us-east-1-fips` is `us-east-1` with FIPS, and `aws-global` is
        // the single host for the commercial partition.
        let (region, mode) = match region.as_str().strip_suffix("-fips") {
            Some(region) => (Region::parse(region)?, EndpointMode { fips: true, ..mode }),
            None => (region.clone(), mode),
        };
        if region.as_str() == "aws-global" {
            if mode != EndpointMode::default() {
                let reason = "the global endpoint has no such variant";
                let hint = "use a region such as `us-east-1`";
                return Err(no_sts_host(&region, mode, reason).with_hint(hint));
            }
            return Ok(Self {
                host: "sts.amazonaws.com".to_owned(),
                signing_region: "us-east-1".to_owned(),
            });
        }
        let partition = Partition::of_region(region.as_str());
        let domain = match (mode.dual_stack, partition.dual_stack_domain) {
            (false, _) => partition.domain,
            (true, Some(domain)) => domain,
            (true, None) => {
                let reason = "EKS accepts no dual-stack host in this partition";
                let hint = "unset `AWS_USE_DUALSTACK_ENDPOINT`";
                return Err(no_sts_host(&region, mode, reason).with_hint(hint));
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

/// The URL of Amazon EKS in a region, as its endpoint rules in the AWS SDKs have it.
///
/// Fails with [`Kind::Configuration`](crate::error::Kind::Configuration) if there is no such endpoint.
pub(super) fn eks_url(region: &Region, mode: EndpointMode) -> Result<String> {
    let partition = Partition::of_region(region.as_str());
    let service = match (mode.fips, partition.name) {
        // In AWS GovCloud the plain host is the FIPS host.
        (true, "aws-us-gov") if !mode.dual_stack => "eks",
        (true, "aws") if !mode.dual_stack => "fips.eks",
        (true, _) => "eks-fips",
        (false, _) => "eks",
    };
    let domain = if mode.dual_stack {
        partition.dual_stack_domain.ok_or_else(|| {
            let message = format!("Amazon EKS has no dual-stack endpoint in the region `{region}`");
            Error::configuration(message).with_hint("unset `AWS_USE_DUALSTACK_ENDPOINT`")
        })?
    } else {
        partition.domain
    };
    Ok(format!("https://{service}.{region}.{domain}"))
}

fn no_sts_host(region: &Region, mode: EndpointMode, reason: &str) -> Error {
    let variant = match (mode.fips, mode.dual_stack) {
        (true, true) => "FIPS and dual-stack ",
        (true, false) => "FIPS ",
        (false, true) => "dual-stack ",
        (false, false) => "",
    };
    let message = format!("the region `{region}` has no {variant}STS endpoint: {reason}");
    Error::configuration(message)
}

#[cfg(test)]
mod tests;
