//! The cache files, through the library: a lookup returns what was stored, or nothing, for any contents
//! of the files.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kubectl_esc::cache::{
    Cache, CacheEntry, CachedAwsCredentials, CachedContent, CachedCredentials, CachedFailure,
    Listed, LockAttempt, LoginSecrets,
};
use kubectl_esc::clock::{Clock, Timestamp};
use kubectl_esc::digest::Sha256;
use kubectl_esc::error::{Error, Kind};
use kubectl_esc::secret::Secret;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use tempfile::TempDir;

fn cache(folder: &Path) -> Cache {
    let mut login = LoginSecrets::default();
    login.add("token", Some(b"hunter2"));
    Cache::new(
        folder.to_owned(),
        &login,
        &Sha256::of(b"acme/platform/prod"),
    )
}

fn kept() -> CacheEntry {
    let now = Timestamp::from_unix(1_700_000_000);
    CacheEntry::Credentials(CachedCredentials {
        content: CachedContent::Aws(CachedAwsCredentials {
            shown_cluster: "prod".to_owned(),
            cluster_name: "prod".to_owned(),
            region: "eu-west-1".to_owned(),
            access_key_id: "ASIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: Secret::from("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            session_token: Some(Secret::from("token")),
            expires_at: Some(now.plus(Duration::from_hours(1))),
        }),
        listed: Listed::default(),
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
        let path = entries.find_map(|entry| {
            let path = entry.unwrap().path();
            path.extension()
                .is_some_and(|extension| extension == ending)
                .then_some(path)
        });
        path.unwrap()
    };
    let (entry, failure) = (find("entry"), find("failure"));
    (folder, entry, failure)
}

#[test]
fn changed_and_truncated_files_are_rejected() {
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
    // An entry is not accepted as a failure, nor a failure as an entry.
    let (one, other) = (fs::read(&entry).unwrap(), fs::read(&failed).unwrap());
    fs::write(&entry, other).unwrap();
    fs::write(&failed, one).unwrap();
    assert!(!opens());
    assert_eq!(cache.last_failure(), None);
}

/// A process has copies of all open files of its parent until it runs its program.
#[cfg(unix)]
#[test]
#[expect(
    unsafe_code,
    reason = "the new process stops before it runs its program"
)]
fn lock_is_released_while_another_process_starts() {
    use std::io::{Read, Write, pipe};
    use std::os::unix::process::CommandExt;

    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    let now = Clock::system().now();
    let (mut forked, mut report) = pipe().unwrap();
    let (mut gate, mut release) = pipe().unwrap();
    let mut program = std::process::Command::new("true");
    let stop = move || {
        report.write_all(b".")?;
        gate.read_exact(&mut [0])
    };
    // SAFETY: between `fork` and `exec` it only reads and writes pipes.
    unsafe { program.pre_exec(stop) };
    let held = cache.try_lock(now).unwrap();
    assert!(matches!(held, LockAttempt::Acquired(_)));
    std::thread::scope(|scope| {
        scope.spawn(|| program.status().unwrap());
        forked.read_exact(&mut [0]).unwrap();
        drop(held);
        let again = cache.try_lock(now);
        release.write_all(b".").unwrap();
        assert!(matches!(again, Ok(LockAttempt::Acquired(_))));
    });
}

/// The hash of named fields.
fn hash(fields: &[Option<String>]) -> Sha256 {
    let fields: Vec<_> = fields
        .iter()
        .map(|field| ("name", field.as_deref()))
        .collect();
    Sha256::of_fields(&fields)
}

fn fields() -> impl Strategy<Value = Vec<Option<String>>> {
    proptest::collection::vec(proptest::option::of("[ab]{0,2}"), 0..5)
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
    fn arbitrary_bytes_are_rejected(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
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
    fn lock_file_content_is_only_a_hint(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
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
    fn lists_of_fields_share_a_hash_only_if_they_are_equal(one in fields(), other in fields()) {
        prop_assert_eq!(hash(&one) == hash(&other), one == other);
        let mut rotated = one.clone();
        rotated.rotate_left(usize::from(!one.is_empty()));
        prop_assert_eq!(hash(&rotated) == hash(&one), rotated == one);
    }
}
