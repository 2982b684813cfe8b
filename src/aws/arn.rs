//! ARNs of IAM roles and of EKS clusters.

use crate::error::{Error, Result};

/// The partition in the ARN of an IAM role; `None` if it is not the ARN of a role.
pub(crate) fn role_partition(arn: &str) -> Option<&str> {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, resource] = parts[..] else {
        return None;
    };
    let role = resource.strip_prefix("role/")?;
    (is_account(account) && !role.is_empty()).then_some(partition)
}

/// Rejects what is not the ARN of an IAM role.
pub(crate) fn check_role_arn(arn: &str) -> Result<()> {
    match role_partition(arn) {
        Some(_) => Ok(()),
        None => Err(
            Error::configuration(format!("`{arn}` is not the ARN of an IAM role"))
                .with_hint("use an ARN such as `arn:aws:iam::123456789012:role/NAME`"),
        ),
    }
}

/// The ARN of an EKS cluster: `arn:aws:eks:REGION:ACCOUNT:cluster/NAME`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ClusterArn<'a> {
    pub(crate) region: &'a str,
    pub(crate) name: &'a str,
}

impl<'a> ClusterArn<'a> {
    /// `None` if it is not the ARN of a cluster.
    pub(crate) fn parse(arn: &'a str) -> Option<Self> {
        let parts: Vec<_> = arn.splitn(6, ':').collect();
        let ["arn", _, "eks", region, account, resource] = parts[..] else {
            return None;
        };
        let name = resource.strip_prefix("cluster/")?;
        (is_account(account) && !name.is_empty()).then_some(Self { region, name })
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_of_roles_and_clusters_are_recognized() {
        for (arn, partition, cluster) in [
            ("arn:aws:iam::123456789012:role/ops", Some("aws"), None),
            (
                "arn:aws-cn:iam::123456789012:role/a/b",
                Some("aws-cn"),
                None,
            ),
            ("arn:aws:iam::1234567890:role/ops", None, None),
            ("arn:aws:iam::123456789012:user/ops", None, None),
            ("arn:aws:iam::123456789012:role/", None, None),
            ("foo", None, None),
            (
                "arn:aws:eks:eu-west-1:123456789012:cluster/demo",
                None,
                Some(("eu-west-1", "demo")),
            ),
            (
                "arn:aws:eks:eu-west-1:123456789012:nodegroup/demo",
                None,
                None,
            ),
        ] {
            assert_eq!(role_partition(arn), partition, "{arn}");
            assert_eq!(check_role_arn(arn).is_ok(), partition.is_some(), "{arn}");
            let parsed = ClusterArn::parse(arn);
            assert_eq!(parsed.map(|arn| (arn.region, arn.name)), cluster, "{arn}");
        }
    }
}
