//! The partitions of AWS, as botocore lists them.

/// An isolated part of AWS with its own regions, domains and accounts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Partition {
    /// The name in ARNs.
    pub(crate) name: &'static str,
    /// The prefix of its regions' names.
    prefix: &'static str,
    pub(super) domain: &'static str,
    /// The domain of the dual-stack hosts that aws-iam-authenticator accepts.
    pub(super) dual_stack_domain: Option<&'static str>,
    /// A region that every account in the partition can use.
    pub(crate) default_region: &'static str,
}

/// The commercial partition comes last: like botocore, it takes every region that matches no other.
pub(super) const PARTITIONS: [Partition; 8] = [
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
    /// The partition of the region with this name.
    pub(crate) fn of_region(name: &str) -> Self {
        PARTITIONS
            .into_iter()
            .find(|partition| name.starts_with(partition.prefix))
            .unwrap_or(COMMERCIAL)
    }

    /// The partition of this name.
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        PARTITIONS
            .into_iter()
            .find(|partition| partition.name == name)
    }
}
