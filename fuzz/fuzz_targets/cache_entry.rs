//! Files of the cache: an entry is read back as it was stored, by the same login only. A changed file is
//! no entry, and a listing shows no secret.

#![no_main]

use std::fs;
use std::path::PathBuf;

use arbitrary::Arbitrary;
use kubectl_esc::cache::{
    Cache, CacheDir, CacheEntry, CachedAwsCredentials, CachedContent, CachedCredentials,
    CachedEnvironment, CachedFailure, EntryKind, Listed, LoginSecrets, list,
};
use kubectl_esc::clock::Timestamp;
use kubectl_esc::digest::Sha256;
use kubectl_esc::error::Error;
use kubectl_esc::secret::Secret;
use kubectl_esc_fuzz::{scratch, shown};
use libfuzzer_sys::fuzz_target;

const KEY: &str = "hunter2-secret-access-key";

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    /// How the stored file is changed.
    change: (u16, u8),
    truncated: u8,
    login: [&'a [u8]; 2],
    other_login: [&'a [u8]; 2],
    key: &'a str,
    other_key: &'a str,
    environment: &'a str,
    cluster: &'a str,
    region: &'a str,
    access_key_id: &'a str,
    is_access_token: bool,
    session_token: Option<&'a str>,
    times: [i64; 3],
    expires_at: Option<i64>,
    clock_offset: i64,
    boot_time: Option<i64>,
    /// A file from elsewhere.
    foreign: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let directory = scratch().join("cache");
    let _ = fs::remove_dir_all(&directory);
    let cache = cache(&directory, input.login, input.key);
    let other = self::cache(&directory, input.other_login, input.other_key);
    let is_other = input.login != input.other_login || input.key != input.other_key;
    assert_eq!(cache.has_same_id(&other), !is_other);

    let entry = CacheEntry::Credentials(credentials(&input));
    assert!(cache.load().unwrap().is_none());
    if let Err(error) = cache.store(input.environment, &entry) {
        shown(&error);
        return;
    }
    let stored = format!("{entry:?}");
    let load = |cache: &Cache| {
        cache
            .load()
            .unwrap_or_default()
            .map(|entry| format!("{entry:?}"))
    };
    assert_eq!(load(&cache).as_deref(), Some(stored.as_str()));
    if let Some(CacheEntry::Credentials(loaded)) = cache.load().unwrap() {
        match &loaded.content {
            CachedContent::AccessToken(token) => assert_eq!(token.expose(), KEY),
            CachedContent::Aws(loaded) => {
                assert_eq!(loaded.secret_access_key.expose(), KEY);
                let token = loaded.session_token.as_ref();
                let token = token.map(|token| token.expose().as_str());
                assert_eq!(token, input.session_token);
            }
        }
        let [now, ..] = input.times;
        let _ = loaded.validity().freshness(
            Timestamp::from_unix(now),
            input.boot_time.map(Timestamp::from_unix),
        );
    }
    if is_other {
        assert_eq!(load(&other), None, "another login reads the entry");
    }
    let summaries = list(&CacheDir::new(directory.clone())).unwrap();
    let [summary] = summaries.as_slice() else {
        panic!("{summaries:?}")
    };
    assert_eq!(summary.environment, input.environment);

    let failure = CachedFailure::new(
        &Error::configuration(input.environment),
        None,
        Timestamp::from_unix(0),
    );
    cache.store_failure(&failure).unwrap();
    assert_eq!(cache.last_failure(), Some(failure));

    let path = file(&directory, "entry");
    let sealed = fs::read(&path).unwrap();
    let header = sealed
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    assert!(
        !contains(&sealed[header.len()..], KEY.as_bytes()),
        "the secret is not encrypted"
    );
    for changed in [changed(&sealed, &input), input.foreign.to_vec()] {
        if changed != sealed {
            fs::write(&path, &changed).unwrap();
            assert_eq!(load(&cache), None, "a changed file is read");
            let _ = list(&CacheDir::new(directory.clone()));
        }
    }
    // The file stays private: others are not read.
    fs::write(&path, &sealed).unwrap();
    let opened = path.with_extension("opened");
    fs::rename(&path, &opened).unwrap();
    assert!(
        cache.load_environment().unwrap().is_none(),
        "credentials are read as an environment"
    );
    fs::rename(&opened, path.with_extension("failure")).unwrap();
    assert_eq!(cache.last_failure(), None, "an entry is read as a failure");
    opened_environment(&input, &directory, &cache, &other, is_other);
});

/// The same for an opened environment, whose content is any bytes.
fn opened_environment(
    input: &Input<'_>,
    directory: &std::path::Path,
    cache: &Cache,
    other: &Cache,
    is_other: bool,
) {
    fs::remove_dir_all(directory).unwrap();
    let credentials = credentials(input);
    let stored = CachedEnvironment {
        validity: credentials.validity(),
        content: Secret::new([KEY.as_bytes(), input.foreign].concat()),
        files: Vec::new(),
    };
    cache.store_environment(input.environment, &stored).unwrap();
    let load = |cache: &Cache| {
        let loaded = cache.load_environment().unwrap_or_default();
        loaded.map(|it| (it.validity, it.content))
    };
    assert!(load(cache) == Some((stored.validity, stored.content)));
    if is_other {
        assert!(load(other).is_none(), "another login reads the environment");
    }
    let summaries = list(&CacheDir::new(directory.to_owned())).unwrap();
    let [summary] = summaries.as_slice() else {
        panic!("{summaries:?}")
    };
    assert_eq!(summary.environment, input.environment);
    assert_eq!(summary.kind, EntryKind::Environment);
    let path = file(directory, "opened");
    let sealed = fs::read(&path).unwrap();
    assert!(!contains(&sealed, KEY.as_bytes()) || input.environment.contains(KEY));
    for changed in [changed(&sealed, input), input.foreign.to_vec()] {
        if changed != sealed {
            fs::write(&path, &changed).unwrap();
            assert!(load(cache).is_none(), "a changed file is read");
        }
    }
    fs::write(&path, &sealed).unwrap();
    fs::rename(&path, path.with_extension("entry")).unwrap();
    assert!(
        cache.load().unwrap().is_none(),
        "an environment is read as credentials"
    );
}

fn cache(directory: &std::path::Path, login: [&[u8]; 2], key: &str) -> Cache {
    let mut secrets = LoginSecrets::default();
    for secret in login {
        secrets.add("secret", (!secret.is_empty()).then_some(secret));
    }
    Cache::new(directory.to_owned(), &secrets, &Sha256::of(key.as_bytes()))
}

fn credentials(input: &Input<'_>) -> CachedCredentials {
    let [_, obtained_at, good_until] = input.times.map(Timestamp::from_unix);
    let aws = CachedAwsCredentials {
        shown_cluster: input.cluster.to_owned(),
        cluster_name: input.cluster.to_owned(),
        region: input.region.to_owned(),
        access_key_id: input.access_key_id.to_owned(),
        secret_access_key: Secret::from(KEY),
        session_token: input.session_token.map(Secret::from),
        expires_at: input.expires_at.map(Timestamp::from_unix),
    };
    CachedCredentials {
        content: if input.is_access_token {
            CachedContent::AccessToken(Secret::from(KEY))
        } else {
            CachedContent::Aws(aws)
        },
        // Only in the header, which is not decoded.
        listed: Listed::default(),
        obtained_at,
        good_until,
        clock_offset: input.clock_offset,
        boot_time: input.boot_time.map(Timestamp::from_unix),
        files: Vec::new(),
    }
}

fn changed(sealed: &[u8], input: &Input<'_>) -> Vec<u8> {
    let mut changed = sealed.to_vec();
    let (at, byte) = input.change;
    let at = usize::from(at) % changed.len();
    changed[at] = byte;
    changed.truncate(changed.len().saturating_sub(input.truncated.into()));
    changed
}

fn file(directory: &std::path::Path, extension: &str) -> PathBuf {
    let files = fs::read_dir(directory)
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut entries = files.filter(|path| path.extension().is_some_and(|it| it == extension));
    entries.next().unwrap()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
