use super::*;
use crate::digest::Sha256;

fn entry() -> CachedCredentials {
    CachedCredentials {
        content: CachedContent::Aws(CachedAwsCredentials {
            shown_cluster: "prod".to_owned(),
            cluster_name: "prod".to_owned(),
            region: "eu-west-1".to_owned(),
            access_key_id: "ASIAEXAMPLE".to_owned(),
            secret_access_key: Secret::from("hunter2"),
            session_token: Some(Secret::from("a\"b\\c")),
            expires_at: Some(Timestamp::from_unix(4_600)),
        }),
        listed: Listed {
            provider: Some("eks".to_owned()),
            cluster: Some("prod".to_owned()),
            region: Some("eu-west-1".to_owned()),
            account: Some("123456789012".to_owned()),
        },
        obtained_at: Timestamp::from_unix(1_000),
        good_until: Timestamp::from_unix(4_600),
        clock_offset: 0,
        boot_time: Some(Timestamp::from_unix(500)),
        files: vec![FileDigest {
            path: PathBuf::from("/etc/env.yaml"),
            digest: Some(Sha256::of(b"x")),
        }],
    }
}

#[test]
fn entries_survive_encoding() {
    let token = CachedCredentials {
        content: CachedContent::AccessToken(Secret::from("ya29.hunter2")),
        ..entry()
    };
    for stored in [entry(), token] {
        let expected = format!("{:?}", stored.content);
        let listed = stored.listed.clone();
        let (header, content) =
            encode("acme/platform/prod", &CacheEntry::Credentials(stored)).unwrap();
        let Some(CacheEntry::Credentials(decoded)) = decode(&content, entry().files) else {
            panic!("no credentials");
        };
        assert_eq!(paths(&header), Some(vec![PathBuf::from("/etc/env.yaml")]));
        assert_eq!(format!("{:?}", decoded.content), expected);
        // What only the header shows is not decoded.
        assert_eq!(decoded.listed, Listed::default());
        match decoded.content {
            CachedContent::Aws(decoded) => {
                assert_eq!(decoded.secret_access_key, Secret::from("hunter2"));
                assert_eq!(decoded.session_token, Some(Secret::from("a\"b\\c")));
            }
            CachedContent::AccessToken(token) => assert_eq!(token, Secret::from("ya29.hunter2")),
        }
        let summary: EntrySummary = serde_json::from_slice(&header).unwrap();
        assert_eq!((summary.listed, summary.good_until), (listed, 4_600));
        let header = String::from_utf8(header).unwrap();
        assert!(!header.contains("ASIA") && !header.contains("ya29"));
    }
    let (header, content) = encode(
        "acme/platform/prod",
        &CacheEntry::NothingToCache(Vec::new()),
    )
    .unwrap();
    let decoded = decode(&content, Vec::new());
    assert!(matches!(decoded, Some(CacheEntry::NothingToCache(files)) if files.is_empty()));
    assert_eq!(paths(&header), Some(Vec::new()));
    assert!(serde_json::from_slice::<EntrySummary>(&header).is_err());
}

#[test]
fn credentials_are_due_for_refresh_before_they_expire() {
    use Freshness::{Expired, Fresh, RefreshDue};
    let start = Some(500);
    for (offset, now, boot_time, want) in [
        (0, 1_000, start, Fresh),
        (0, 3_699, start, Fresh),
        (0, 3_700, start, RefreshDue),
        (0, 4_479, start, RefreshDue),
        (0, 4_480, start, Expired),
        (0, 9_999, start, Expired),
        // The local clock is an hour slow, or fast.
        (3_600, 1_000 - 3_600, start, Fresh),
        (3_600, 4_480 - 3_600, start, Expired),
        (-3_600, 1_000 + 3_600, start, Fresh),
        // The clock was set, or the machine was rebooted.
        (0, 1_100, Some(600), RefreshDue),
        (0, 1_100, Some(530), Fresh),
        (0, 1_100, None, Fresh),
        (0, 970, None, Fresh),
        (0, 969, None, RefreshDue),
    ] {
        let entry = CachedCredentials {
            clock_offset: offset,
            ..entry()
        };
        let boot_time = boot_time.map(Timestamp::from_unix);
        let got = entry
            .validity()
            .freshness(Timestamp::from_unix(now), boot_time);
        assert_eq!(got, want, "{offset} {now} {boot_time:?}");
    }
}

#[test]
fn entry_of_half_the_file_size_is_the_largest() {
    let encoded = |length: usize| {
        let entry = CachedCredentials {
            content: CachedContent::AccessToken(Secret::new("x".repeat(length))),
            ..entry()
        };
        encode("acme/platform/prod", &CacheEntry::Credentials(entry))
    };
    let (header, content) = encoded(0).unwrap();
    let largest = MAX_FILE_BYTES / 2 - header.len() - content.len();
    assert!(encoded(largest).is_ok());
    assert!(encoded(largest + 1).is_err());
}

/// `--credential-lifetime` accepts any duration.
#[test]
fn longest_lifetime_is_fresh() {
    let entry = CachedCredentials {
        good_until: Timestamp::from_unix(i64::MAX),
        ..entry()
    };
    let start = Some(Timestamp::from_unix(500));
    let now = Timestamp::from_unix(1_000);
    assert_eq!(entry.validity().freshness(now, start), Freshness::Fresh);
}
