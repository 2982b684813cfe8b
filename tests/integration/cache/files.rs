//! Damaged, foreign and missing cache files: each call still returns a valid token without a message,
//! and repairs the cache where it can.

use std::fs;
use std::path::Path;

use super::CacheFixture;

/// What a call does with a damaged cache.
#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    /// The call uses the cache.
    Hit,
    /// The call fetches, and repairs the cache.
    Repaired,
    /// Every call fetches.
    Unusable,
}

/// Fills the cache, damages it, and asserts what the next calls do.
#[track_caller]
fn check(name: &str, outcome: Outcome, damage: impl FnOnce(&CacheFixture)) {
    let fixture = CacheFixture::cloud();
    fixture.assert_miss();
    fixture.assert_hit();
    damage(&fixture);
    println!("{name}");
    match outcome {
        Outcome::Hit => fixture.assert_hit(),
        Outcome::Repaired | Outcome::Unusable => fixture.assert_miss(),
    }
    match outcome {
        Outcome::Hit | Outcome::Repaired => fixture.assert_hit(),
        Outcome::Unusable => fixture.assert_miss(),
    }
}

fn replace(path: &Path, content: impl AsRef<[u8]>) {
    fs::write(path, content).unwrap();
}

#[test]
fn entries_with_other_content_are_replaced() {
    let entry = |fixture: &CacheFixture| fixture.file("entry");
    check("empty", Outcome::Repaired, |fixture| {
        replace(&entry(fixture), "");
    });
    check("huge", Outcome::Repaired, |fixture| {
        replace(&entry(fixture), vec![b'x'; 65 << 10]);
    });
    check("a line feed", Outcome::Repaired, |fixture| {
        replace(&entry(fixture), "\n");
    });
    check("not encrypted", Outcome::Repaired, |fixture| {
        replace(&entry(fixture), "{}\n{\"credentials\":null,\"files\":[]}");
    });
    check("a future format", Outcome::Repaired, |fixture| {
        let content = String::from_utf8_lossy(&fs::read(entry(fixture)).unwrap())
            .replace("\"format\":\"1\"", "\"format\":\"2\"");
        replace(&entry(fixture), content);
    });
    check("a damaged failure file", Outcome::Hit, |fixture| {
        replace(&entry(fixture).with_extension("failure"), "nonsense");
    });
    check("a damaged lock file", Outcome::Hit, |fixture| {
        replace(&entry(fixture).with_extension("lock"), "99999999999");
    });
    check("a missing entry", Outcome::Repaired, |fixture| {
        fs::remove_file(entry(fixture)).unwrap();
    });
    check("a missing folder", Outcome::Repaired, |fixture| {
        fs::remove_dir_all(fixture.folder()).unwrap();
    });
}

#[test]
fn entry_of_another_key_is_replaced() {
    let fixture = CacheFixture::cloud();
    fixture.assert_miss();
    let mine = fixture.file("entry");
    let other = fixture.run_with(|command| {
        command.args(["--region", "us-east-1"]);
    });
    assert_eq!(other.code, 0, "{other:?}");
    let files = fixture.files("entry");
    let other = files.iter().find(|path| **path != mine).unwrap();
    fs::copy(other, &mine).unwrap();
    fixture.assert_miss();
    fixture.assert_hit();
}

#[test]
fn truncated_and_changed_entries_are_replaced() {
    let fixture = CacheFixture::cloud();
    fixture.assert_miss();
    let path = fixture.file("entry");
    let good = fs::read(&path).unwrap();
    let header = good.iter().position(|byte| *byte == b'\n').unwrap();
    // A few positions in each part of the file; `format.rs` tries every byte and bit.
    let positions = [
        0,
        header / 2,
        header,
        header + 1,
        header + 17,
        header + 29,
        good.len() - 17,
        good.len() - 1,
    ];
    for at in positions {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        for content in [&good[..at], &flipped] {
            replace(&path, content);
            fixture.assert_miss();
            fixture.assert_hit();
        }
    }
    // An entry that is restored, as from a backup, is valid until it expires.
    replace(&path, &good);
    fixture.assert_hit();
}

#[cfg(unix)]
mod unix {
    use super::*;
    use crate::cache::{ENVIRONMENT, replace_arguments, through_shell};
    use crate::support::plugin::{Plugin, TIME_LIMIT, copy_program, run};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn make_pipe(path: &Path) {
        let status = Command::new("mkfifo").arg(path).status().unwrap();
        assert!(status.success());
    }

    /// Returns whether these tests run as root, which changing the owner of a file requires.
    fn is_root() -> bool {
        let probe = tempfile::NamedTempFile::new().unwrap();
        let is_root = probe.as_file().metadata().unwrap().uid() == 0;
        if !is_root {
            println!("skipped: needs root");
        }
        is_root
    }

    #[test]
    fn files_are_private_to_the_user() {
        let fixture = CacheFixture::cloud();
        fixture.assert_miss();
        assert_eq!(mode(&fixture.folder()), 0o700);
        for ending in ["entry", "lock"] {
            assert_eq!(mode(&fixture.file(ending)), 0o600, "{ending}");
        }
        assert!(fixture.files("new").is_empty());
    }

    #[test]
    fn loose_permissions_are_corrected() {
        for loose in [0o640, 0o604, 0o660, 0o620, 0o610] {
            check("entry", Outcome::Repaired, |fixture| {
                set_mode(&fixture.file("entry"), loose);
            });
        }
        for (loose, outcome) in [
            (0o750, Outcome::Hit),
            (0o755, Outcome::Hit),
            (0o770, Outcome::Repaired),
            (0o757, Outcome::Repaired),
            (0o777, Outcome::Repaired),
            (0o1777, Outcome::Repaired),
        ] {
            check("folder", outcome, |fixture| {
                set_mode(&fixture.folder(), loose);
            });
            let fixture = CacheFixture::cloud();
            fixture.assert_miss();
            set_mode(&fixture.folder(), loose);
            fixture.remove_entries();
            fixture.assert_miss();
            assert_eq!(mode(&fixture.folder()), 0o700);
            fixture.assert_hit();
        }
        let fixture = CacheFixture::cloud();
        fixture.assert_miss();
        for ending in ["entry", "lock"] {
            set_mode(&fixture.file(ending), 0o666);
        }
        fixture.assert_miss();
        for ending in ["entry", "lock"] {
            assert_eq!(mode(&fixture.file(ending)), 0o600, "{ending}");
        }
        fixture.assert_hit();
    }

    #[test]
    fn files_of_another_user_are_not_used() {
        if !is_root() {
            return;
        }
        let give_away = |path: &Path| chown(path, Some(65_534), None).unwrap();
        check("entry", Outcome::Repaired, |fixture| {
            give_away(&fixture.file("entry"));
        });
        check("entry and lock", Outcome::Repaired, |fixture| {
            give_away(&fixture.file("entry"));
            give_away(&fixture.file("lock"));
        });
        check("folder", Outcome::Unusable, |fixture| {
            give_away(&fixture.folder());
        });
    }

    #[test]
    fn folder_that_others_can_change_is_named() {
        let fixture = CacheFixture::cloud();
        fixture.assert_miss();
        set_mode(&fixture.folder(), 0o777);
        let problem = "the cache cannot use `[dir]/home/.kube/cache/kubectl-esc`";
        let reason = "other users can write to it";
        let shown = fixture.plugin.path(".").canonicalize().unwrap();
        let call = |arguments: &[&str]| {
            let mut command = fixture.plugin.command();
            replace_arguments(&mut command, arguments);
            let output = run(command, TIME_LIMIT);
            (output.stdout + &output.stderr).replace(shown.to_str().unwrap(), "[dir]")
        };
        let doctor = call(&["doctor", ENVIRONMENT]);
        let line = format!(
            "warning cache: not usable: {problem}\n        caused by: {reason}\n        hint: "
        );
        assert!(doctor.contains(&line), "{doctor}");
        let list = call(&["cache", "list"]);
        let message = format!("kubectl-esc: {problem}\n  caused by: {reason}\n");
        assert!(list.starts_with(&message), "{list}");
        // This call makes the folder private.
        let log = call(&["get-token", ENVIRONMENT, "-v"]);
        let line = format!("kubectl-esc: {problem}: {reason}\n");
        assert!(log.contains(&line), "{log}");
    }

    #[test]
    fn entry_that_cannot_be_used_is_logged_with_the_reason() {
        type Damage = fn(&Path);
        let damages: [(Damage, &str); 3] = [
            (|path| set_mode(path, 0o640), "other users can access it"),
            (
                |path| {
                    fs::remove_file(path).unwrap();
                    fs::create_dir(path).unwrap();
                },
                "it is not a regular file",
            ),
            (
                |path| {
                    fs::remove_file(path).unwrap();
                    symlink("elsewhere", path).unwrap();
                },
                "Too many levels of symbolic links",
            ),
        ];
        let fixture = CacheFixture::cloud();
        let log = || {
            let output = fixture.run_with(|command| {
                command.arg("-v");
            });
            assert_eq!(output.code, 0, "{output:?}");
            output.stderr
        };
        log();
        let entry = fixture.file("entry");
        for (damage, reason) in damages {
            damage(&entry);
            let line = format!("the cache cannot use `{}`: {reason}", entry.display());
            let shown = log();
            assert!(shown.contains(&line), "{line}: {shown}");
        }
        // A missing entry is no problem.
        fs::remove_file(&entry).unwrap();
        let shown = log();
        assert!(!shown.contains("cannot use"), "{shown}");
    }

    #[test]
    fn configured_directory_keeps_its_mode() {
        for loose in [0o700, 0o755, 0o777, 0o1777] {
            let fixture = CacheFixture::cloud();
            let shared = fixture.plugin.path("shared");
            fs::create_dir(&shared).unwrap();
            set_mode(&shared, loose);
            let fixture = fixture.with(|plugin| plugin.env("KUBECTL_ESC_CACHE_DIR", &shared));
            fixture.assert_miss();
            fixture.assert_hit();
            assert_eq!(mode(&shared), loose);
            assert_eq!(mode(&shared.join("kubectl-esc")), 0o700);
        }
    }

    #[test]
    fn directories_are_private_without_a_umask() {
        let fixture = CacheFixture::cloud();
        let call = fixture.plugin.command();
        let output = run(
            through_shell(&call, "umask 0; exec \"$@\"", "sh"),
            TIME_LIMIT,
        );
        fixture.pulumi_cloud.assert_token(&output);
        for (path, want) in [
            ("home/.kube", 0o755),
            ("home/.kube/cache", 0o755),
            ("home/.kube/cache/kubectl-esc", 0o700),
        ] {
            assert_eq!(mode(&fixture.plugin.path(path)), want, "{path}");
        }
        fixture.assert_hit();
    }

    #[test]
    fn target_of_a_hard_link_is_not_changed() {
        let fixture = CacheFixture::cloud();
        fixture.assert_miss();
        let mine = fixture.plugin.path("mine");
        fs::write(&mine, "mine").unwrap();
        set_mode(&mine, 0o600);
        let lock = fixture.file("lock");
        fs::remove_file(&lock).unwrap();
        fs::hard_link(&mine, &lock).unwrap();
        fixture.remove_entries();
        fixture.assert_miss();
        assert_eq!(fs::read_to_string(&mine).unwrap(), "mine");
        fixture.assert_hit();
    }

    #[test]
    fn links_are_not_followed() {
        let linked = |ending: &'static str| {
            move |fixture: &CacheFixture| {
                let path = fixture.file("entry").with_extension(ending);
                let target = fixture.plugin.path("target");
                fs::rename(fixture.file(ending), &target).unwrap();
                symlink(&target, path).unwrap();
            }
        };
        check("entry", Outcome::Repaired, linked("entry"));
        check("lock", Outcome::Hit, linked("lock"));
        check("lock and entry", Outcome::Repaired, |fixture| {
            linked("lock")(fixture);
            fixture.remove_entries();
        });
        // The target of a link is not changed.
        let fixture = CacheFixture::cloud();
        fixture.assert_miss();
        let target = fixture.plugin.path("target");
        fs::write(&target, "mine").unwrap();
        for ending in ["entry", "lock", "failure"] {
            let path = fixture
                .folder()
                .join(fixture.file("entry").file_name().unwrap());
            let path = path.with_extension(ending);
            drop(fs::remove_file(&path));
            symlink(&target, path).unwrap();
            if ending == "entry" {
                fixture.assert_miss();
            }
        }
        fixture.assert_hit();
        assert_eq!(fs::read_to_string(&target).unwrap(), "mine");

        let elsewhere = |fixture: &CacheFixture| {
            let elsewhere = fixture.plugin.path("elsewhere");
            fs::create_dir(&elsewhere).unwrap();
            set_mode(&elsewhere, 0o700);
            fs::remove_dir_all(fixture.folder()).unwrap();
            symlink(&elsewhere, fixture.folder()).unwrap();
        };
        check("folder", Outcome::Unusable, elsewhere);
    }

    #[test]
    fn special_files_are_not_used() {
        type Make = fn(&Path);
        let special_files: [(&str, Make); 3] = [
            ("pipe", make_pipe),
            ("folder", |path| fs::create_dir(path).unwrap()),
            ("socket", |path| {
                drop(std::os::unix::net::UnixListener::bind(path).unwrap());
            }),
        ];
        for (name, make) in special_files {
            check(name, Outcome::Repaired, |fixture| {
                let path = fixture.file("entry");
                fs::remove_file(&path).unwrap();
                make(&path);
            });
            check(name, Outcome::Repaired, |fixture| {
                let path = fixture.file("lock");
                fixture.remove_entries();
                fs::remove_file(&path).unwrap();
                make(&path);
            });
            check(name, Outcome::Repaired, |fixture| {
                let path = fixture.file("entry");
                make(&path.with_extension("failure"));
                fs::remove_file(&path).unwrap();
            });
            if name != "folder" {
                check(name, Outcome::Unusable, |fixture| {
                    fs::remove_dir_all(fixture.folder()).unwrap();
                    make(&fixture.folder());
                });
            }
        }
        // A folder that is not empty is not removed. The other files still work.
        check("lock", Outcome::Repaired, |fixture| {
            let lock = fixture.file("lock");
            fs::remove_file(&lock).unwrap();
            fs::create_dir(&lock).unwrap();
            fs::write(lock.join("mine"), "").unwrap();
            fixture.remove_entries();
        });
        check("entry", Outcome::Unusable, |fixture| {
            let entry = fixture.file("entry");
            fs::remove_file(&entry).unwrap();
            fs::create_dir(&entry).unwrap();
            fs::write(entry.join("mine"), "").unwrap();
        });
    }

    #[test]
    fn folder_with_other_files_is_left_unchanged() {
        let fixture = CacheFixture::cloud();
        let shared = fixture.folder();
        fs::create_dir_all(&shared).unwrap();
        set_mode(&shared, 0o755);
        let old = ["Cargo.lock", "a.failure", "b.entry", "c.new", "notes"];
        for name in old {
            fs::write(shared.join(name), "mine").unwrap();
            let status = Command::new("touch")
                .args(["-d", "2020-01-01"])
                .arg(shared.join(name))
                .status();
            assert!(status.unwrap().success());
        }
        fixture.assert_miss();
        fixture.assert_miss();
        assert_eq!(mode(&shared), 0o755);
        // A folder that is private already is used. The files of other programs are kept.
        set_mode(&shared, 0o700);
        fixture.assert_miss();
        fixture.assert_hit();
        let clear = fixture.run_with(|command| replace_arguments(command, &["cache", "clear"]));
        clear.assert("2 entries removed\n", "", 0);
        let mut left: Vec<_> = fs::read_dir(&shared)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, old);
    }

    /// Otherwise the next file that is opened would become standard input, also of the command.
    #[test]
    fn closed_standard_input_reads_as_empty() {
        let plugin = Plugin::new()
            .file("env.yaml", "values: {environmentVariables: {A: b}}")
            .args(["run", "env.yaml", "--", "cat"]);
        let output = run(
            through_shell(&plugin.command(), r#"exec "$@" <&-"#, "sh"),
            TIME_LIMIT,
        );
        output.assert("", "", 0);
    }

    #[test]
    fn credentials_are_cached_even_if_the_reader_has_gone() {
        let fixture = CacheFixture::cloud();
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = fixture.plugin.command().stdout(writer).output().unwrap();
        assert_eq!(
            (output.status.code(), output.stderr),
            (Some(141), Vec::new())
        );
        fixture.assert_hit();
    }

    #[test]
    fn call_works_if_the_cache_cannot_be_created() {
        let fixture = CacheFixture::cloud().with(|plugin| plugin.env_remove("HOME"));
        fixture.assert_miss();
        fixture.assert_miss();
        for path in [
            "home/.kube",
            "home/.kube/cache",
            "home/.kube/cache/kubectl-esc",
        ] {
            let fixture = CacheFixture::cloud().with(|plugin| plugin.file(path, "a file"));
            fixture.assert_miss();
            fixture.assert_miss();
            let content = fs::read_to_string(fixture.plugin.path(path)).unwrap();
            assert_eq!(content, "a file");
        }
        for home in ["/dev/null", "/proc"] {
            let fixture = CacheFixture::cloud().with(|plugin| plugin.env("HOME", home));
            fixture.assert_miss();
            fixture.assert_miss();
        }
    }

    /// File modes do not restrict root; a read-only mount does.
    #[test]
    fn call_works_with_a_read_only_or_full_home() {
        const READ_ONLY: &str = "mount --bind home home && mount -o remount,bind,ro home";
        const NO_SPACE: &str = "mount -t tmpfs -o size=4k,nr_inodes=20 none home && head -c 4096 /dev/zero > home/full";
        const NO_INODES: &str = "mount -t tmpfs -o nr_inodes=1 none home";
        if !is_root() {
            return;
        }
        for mount in [READ_ONLY, NO_SPACE, NO_INODES] {
            let fixture = CacheFixture::cloud();
            let mounted = |call: &Command| {
                let script = format!(
                    "exec unshare -m sh -c '{{ {mount}; }} >&2 || exit 99; exec \"$@\"' sh \"$@\""
                );
                run(through_shell(call, &script, "sh"), TIME_LIMIT)
            };
            for _ in 0..2 {
                let output = mounted(&fixture.plugin.command());
                if output.code == 99 || output.stderr.contains("unshare") {
                    println!("skipped: cannot mount here: {}", output.stderr);
                    return;
                }
                fixture.pulumi_cloud.assert_token(&output);
            }
            assert_eq!(fixture.requests().0, 4, "{mount}");
            let mut doctor = fixture.plugin.command();
            replace_arguments(&mut doctor, &["doctor", ENVIRONMENT]);
            let is_reported = mounted(&doctor)
                .stdout
                .contains("warning cache: not usable");
            assert_eq!(is_reported, mount == READ_ONLY, "{mount}");
        }
    }

    /// By default the system ends a process that exceeds the limit with SIGXFSZ.
    #[test]
    fn call_works_with_a_file_size_limit_of_zero() {
        let fixture = CacheFixture::cloud();
        for _ in 0..2 {
            let script = "ulimit -f 0; exec \"$@\"";
            let command = through_shell(&fixture.plugin.command(), script, "sh");
            let output = run(command, TIME_LIMIT);
            fixture.pulumi_cloud.assert_token(&output);
        }
        assert_eq!(fixture.requests().0, 4);
        assert!(fixture.files("new").is_empty());
        fixture.assert_miss();
        fixture.assert_hit();
    }

    #[test]
    fn expired_lock_holder_is_ignored() {
        let fixture = CacheFixture::cloud();
        fixture.assert_miss();
        fixture.remove_entries();
        let held = fs::File::options()
            .write(true)
            .open(fixture.file("lock"))
            .unwrap();
        held.lock().unwrap();
        // The deadline in the lock file has passed.
        fs::write(fixture.file("lock"), "1000").unwrap();
        fixture.assert_miss();
        fixture.assert_hit();
        drop(held);
    }

    #[test]
    fn call_works_without_permissions_for_the_folder() {
        if !is_root() {
            return;
        }
        let fixture = CacheFixture::cloud();
        fs::create_dir_all(fixture.folder()).unwrap();
        for path in [fixture.plugin.path("."), fixture.plugin.path("home")] {
            set_mode(&path, 0o755);
        }
        // A copy that the other user can execute.
        let binary = fixture.plugin.path("kubectl-esc");
        copy_program(env!("CARGO_BIN_EXE_kubectl-esc"), &binary);
        for mode in [0o700, 0o755, 0o777] {
            set_mode(&fixture.folder(), mode);
            let call = fixture.plugin.command();
            let mut command = Command::new(&binary);
            command
                .args(call.get_args())
                .env_clear()
                .envs(
                    call.get_envs()
                        .filter_map(|(name, value)| Some((name, value?))),
                )
                .current_dir("/")
                .uid(65_534)
                .gid(65_534);
            let output = run(command, TIME_LIMIT);
            fixture.pulumi_cloud.assert_token(&output);
            assert_eq!(fs::read_dir(fixture.folder()).unwrap().count(), 0);
        }
    }
}
