//! Regions, hosts of presigned requests, and endpoint settings.

use super::*;
use crate::context::test_context::host;
use crate::error::Kind;

#[test]
fn region_is_read_from_api_server_hosts() {
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
fn region_names_are_validated() {
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
fn dual_stack_hosts_that_clusters_reject_are_errors() {
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
            error.to_string().contains("has no dual-stack STS endpoint"),
            "{error}"
        );
    }
}

#[test]
fn endpoint_settings_come_from_variables() {
    let settings = |endpoint: Option<&str>, fips, dual_stack| EndpointSettings {
        endpoint: endpoint.map(str::to_owned),
        endpoint_mode: EndpointMode { fips, dual_stack },
    };
    let (a, b) = ("https://a.example.com", "http://127.0.0.1:4566/x");
    for (variables, want) in [
        (vec![], settings(None, false, false)),
        (
            vec![("AWS_ENDPOINT_URL_STS", a), ("AWS_ENDPOINT_URL", b)],
            settings(Some(a), false, false),
        ),
        (
            vec![("AWS_ENDPOINT_URL", b)],
            settings(Some(b), false, false),
        ),
        (
            vec![
                ("AWS_ENDPOINT_URL", "http://example.com"),
                ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True"),
            ],
            settings(None, false, false),
        ),
        (
            vec![
                ("AWS_USE_FIPS_ENDPOINT", "TRUE"),
                ("AWS_USE_DUALSTACK_ENDPOINT", "false"),
            ],
            settings(None, true, false),
        ),
        (
            vec![("AWS_USE_DUALSTACK_ENDPOINT", "true")],
            settings(None, false, true),
        ),
    ] {
        assert_eq!(
            EndpointSettings::for_sts(&host(&variables)).unwrap(),
            want,
            "{variables:?}"
        );
    }
    for (variable, value, problem) in [
        (
            "AWS_ENDPOINT_URL_STS",
            "http://sts.example.com",
            "`AWS_ENDPOINT_URL_STS` is not a usable endpoint URL",
        ),
        (
            "AWS_ENDPOINT_URL",
            "x",
            "`AWS_ENDPOINT_URL` is not a usable endpoint URL",
        ),
        (
            "AWS_USE_FIPS_ENDPOINT",
            "1",
            "`AWS_USE_FIPS_ENDPOINT` must be `true` or `false`",
        ),
        (
            "AWS_USE_DUALSTACK_ENDPOINT",
            "yes",
            "`AWS_USE_DUALSTACK_ENDPOINT` must be `true` or `false`",
        ),
    ] {
        let error = EndpointSettings::for_sts(&host(&[(variable, value)])).unwrap_err();
        assert_eq!(error.kind(), Kind::Configuration);
        assert_eq!(error.to_string(), problem);
        assert!(
            error.hint().is_some_and(|hint| !hint.is_empty()),
            "{variable}"
        );
    }
}

#[test]
fn misspelled_region_gets_a_suggestion() {
    for (region, suggestion) in [
        ("eu-wst-1", "; did you mean `eu-west-1`?"),
        ("eu-west-1a", "; did you mean `eu-west-1`?"),
        ("ap-souteast-2", "; did you mean `ap-southeast-2`?"),
        ("us-gov-wset-1", "; did you mean `us-gov-west-1`?"),
        ("uk-west-1", ""),
        ("eu-west", ""),
        ("ireland-1", ""),
    ] {
        let want = format!("`{region}` does not look like an AWS region{suggestion}");
        let warning = Region::parse(region).unwrap().spelling_warning();
        assert_eq!(warning, Some(want), "{region}");
    }
}

#[test]
fn regions_of_botocore_are_spelled_right() {
    let text = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/botocore.json"
    ));
    let text = text.unwrap();
    let regions = text
        .lines()
        .filter_map(|line| line.strip_prefix("[\"")?.split('"').next());
    let regions: std::collections::BTreeSet<_> = regions.collect();
    assert!(regions.len() > 30, "{regions:?}");
    for region in regions {
        // A pseudo-region, and the data's example of an unknown region.
        if region.ends_with("-global") || region == "mars-north-1" {
            continue;
        }
        assert_eq!(
            Region::parse(region).unwrap().spelling_warning(),
            None,
            "{region}"
        );
    }
}

#[test]
fn endpoint_of_eks_depends_on_the_region_and_the_mode() {
    for (region, fips, dual_stack, want) in [
        ("eu-west-1", false, false, "eks.eu-west-1.amazonaws.com"),
        ("us-east-1", true, false, "fips.eks.us-east-1.amazonaws.com"),
        ("us-east-1", false, true, "eks.us-east-1.api.aws"),
        ("us-east-1", true, true, "eks-fips.us-east-1.api.aws"),
        (
            "cn-north-1",
            false,
            false,
            "eks.cn-north-1.amazonaws.com.cn",
        ),
        (
            "cn-north-1",
            true,
            false,
            "eks-fips.cn-north-1.amazonaws.com.cn",
        ),
        (
            "cn-north-1",
            false,
            true,
            "eks.cn-north-1.api.amazonwebservices.com.cn",
        ),
        (
            "cn-north-1",
            true,
            true,
            "eks-fips.cn-north-1.api.amazonwebservices.com.cn",
        ),
        (
            "us-gov-west-1",
            true,
            false,
            "eks.us-gov-west-1.amazonaws.com",
        ),
        (
            "us-gov-east-1",
            true,
            true,
            "eks-fips.us-gov-east-1.api.aws",
        ),
        (
            "us-iso-east-1",
            true,
            false,
            "eks-fips.us-iso-east-1.c2s.ic.gov",
        ),
        (
            "us-isob-east-1",
            false,
            false,
            "eks.us-isob-east-1.sc2s.sgov.gov",
        ),
        (
            "eusc-de-east-1",
            false,
            false,
            "eks.eusc-de-east-1.amazonaws.eu",
        ),
    ] {
        let region = Region::parse(region).unwrap();
        let url = eks_url(&region, EndpointMode { fips, dual_stack }).unwrap();
        assert_eq!(url, format!("https://{want}"));
    }
    let region = Region::parse("us-iso-east-1").unwrap();
    let dual_stack = EndpointMode {
        fips: false,
        dual_stack: true,
    };
    let error = eks_url(&region, dual_stack).unwrap_err();
    assert_eq!(error.kind(), Kind::Configuration);
}
