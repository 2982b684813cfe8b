//! The files, through the library: whatever is in them, what comes out is what was put in, or
//! nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kubectl_esc::cache::{
    Cache, CacheEntry, CachedCredentials, CachedFailure, Key, LockAttempt, LoginSecrets,
};
use kubectl_esc::clock::{Clock, Timestamp};
use kubectl_esc::error::{Error, Kind};
use kubectl_esc::secret::Secret;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use tempfile::TempDir;

fn cache(folder: &Path) -> Cache {
    let mut login = LoginSecrets::default();
    login.add("token", Some(b"hunter2"));
    let key = Key {
        environment: "acme/platform/prod",
        ..Key::default()
    };
    Cache::new(folder.to_owned(), &login, &key.hash())
}

fn kept() -> CacheEntry {
    let now = Timestamp::from_unix(1_700_000_000);
    CacheEntry::Credentials(CachedCredentials {
        shown_cluster: "prod".to_owned(),
        cluster_name: "prod".to_owned(),
        region: "eu-west-1".to_owned(),
        access_key_id: "ASIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: Secret::from("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        session_token: Some(Secret::from("token")),
        expires_at: Some(now.plus(Duration::from_hours(1))),
        obtained_at: now,
        good_until: now.plus(Duration::from_hours(1)),
        clock_offset: 0,
        boot_time: None,
        files: Vec::new(),
    })
}

fn failure() -> CachedFailure {
    let now = Timestamp::from_unix(1_700_000_000);
    CachedFailure::new(&Error::new(Kind::Denied, "no"), Some(1), now)
}

/// A folder with an entry and a failure, and their paths.
fn folder() -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    cache.store("acme/platform/prod", &kept()).unwrap();
    cache.store_failure(&failure()).unwrap();
    let find = |ending: &str| {
        let mut entries = fs::read_dir(folder.path()).unwrap();
        let found = entries.find_map(|entry| {
            let path = entry.unwrap().path();
            path.extension()
                .is_some_and(|it| it == ending)
                .then_some(path)
        });
        found.unwrap()
    };
    let (entry, failure) = (find("entry"), find("failure"));
    (folder, entry, failure)
}

#[test]
fn no_bit_of_a_file_can_be_changed_and_none_left_out() {
    let (folder, entry, failed) = folder();
    let cache = cache(folder.path());
    let opens = || cache.load().unwrap().is_some();
    assert!(opens());
    assert_eq!(cache.last_failure(), Some(failure()));
    for (path, opens) in [
        (&entry, &opens as &dyn Fn() -> bool),
        (&failed, &|| cache.last_failure().is_some()),
    ] {
        let good = fs::read(path).unwrap();
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut flipped = good.clone();
                flipped[at] ^= 1 << bit;
                fs::write(path, flipped).unwrap();
                assert!(!opens(), "byte {at}, bit {bit}");
            }
            fs::write(path, &good[..at]).unwrap();
            assert!(!opens(), "{at} bytes");
            fs::write(path, &good[at + 1..]).unwrap();
            assert!(!opens(), "without {at} bytes");
        }
        fs::write(path, [&good[..], b"\0"].concat()).unwrap();
        assert!(!opens(), "a byte more");
        fs::write(path, &good).unwrap();
        assert!(opens());
    }
    // One cannot stand in for the other.
    let (one, other) = (fs::read(&entry).unwrap(), fs::read(&failed).unwrap());
    fs::write(&entry, other).unwrap();
    fs::write(&failed, one).unwrap();
    assert!(!opens());
    assert_eq!(cache.last_failure(), None);
}

/// The fields of a key as texts, for comparison.
type Fields = (Vec<Option<String>>, String, [bool; 3]);

fn key((texts, environment, switches): &Fields) -> Key<'_> {
    let text = |at: usize| texts[at].as_deref();
    Key {
        backend: text(0),
        principal: text(1),
        organization: text(2),
        environment,
        remote: switches[0],
        root: text(3),
        secrets_of: text(4),
        token_type: text(5),
        audience: text(6),
        cluster_name: text(7),
        region: text(8),
        server_region: text(9),
        default_region: text(10),
        role_arn: text(11),
        external_id: text(12),
        session_name: text(13),
        credentials: text(14),
        web_identity: text(15),
        credential_lifetime: text(16),
        extension: text(17),
        endpoint: text(18),
        fips: switches[1],
        dual_stack: switches[2],
    }
}

fn fields() -> impl Strategy<Value = Fields> {
    let text = proptest::option::of("[ab]{0,2}");
    let texts = proptest::collection::vec(text, 19);
    (texts, "[ab]{0,2}", any::<[bool; 3]>())
}

fn config() -> Config {
    Config {
        rng_seed: RngSeed::Fixed(6),
        failure_persistence: None,
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_bytes_are_no_entry(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let (folder, entry, failed) = folder();
        let cache = cache(folder.path());
        for path in [&entry, &failed, &entry.with_extension("lock")] {
            fs::write(path, &bytes).unwrap();
        }
        prop_assert!(matches!(cache.load(), Ok(None) | Err(_)));
        prop_assert_eq!(cache.last_failure(), None);
        let listed = kubectl_esc::cache::list(&kubectl_esc::cache::CacheDir::new(folder.path().to_owned()));
        prop_assert!(listed.is_ok());
        let now = Clock::system().now();
        prop_assert!(matches!(cache.try_lock(now), Ok(LockAttempt::Acquired(_))));
        cache.store("acme/platform/prod", &kept()).unwrap();
        prop_assert!(cache.load().unwrap().is_some());
    }

    #[test]
    fn what_another_wrote_into_the_lock_is_only_a_hint(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let (folder, entry, _) = folder();
        let cache = cache(folder.path());
        let now = Clock::system().now();
        let held = cache.try_lock(now).unwrap();
        prop_assert!(matches!(held, LockAttempt::Acquired(_)));
        fs::write(entry.with_extension("lock"), &bytes).unwrap();
        prop_assert!(matches!(cache.try_lock(now), Ok(LockAttempt::Held(_))));
        drop(held);
        prop_assert!(matches!(cache.try_lock(now), Ok(LockAttempt::Acquired(_))));
    }

    #[test]
    fn keys_are_the_same_only_where_all_of_them_is(one in fields(), other in fields(), at in 0_usize..23) {
        prop_assert_eq!(key(&one).hash() == key(&other).hash(), one == other);
        // One field alone.
        let mut near = one.clone();
        match at {
            0..19 => near.0[at] = other.0[at].clone(),
            19 => near.1 = other.1.clone(),
            _ => near.2[at - 20] = other.2[at - 20],
        }
        prop_assert_eq!(key(&near).hash() == key(&one).hash(), near == one);
        // The texts in other places.
        let mut moved = one.clone();
        moved.0.rotate_left(1);
        prop_assert_eq!(key(&moved).hash() == key(&one).hash(), moved == one);
    }
}
