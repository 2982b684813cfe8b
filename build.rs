//! Linker options for a fast process start: see docs/performance.md.

#![expect(
    clippy::disallowed_methods,
    reason = "Cargo passes the target in variables"
)]

use std::env;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

/// Removes the tables for unwinding. They are a tenth of the executable, and nothing reads them: the hook of
/// `report_panics` ends the process, and it prints no backtrace, which would have no names either.
const WITHOUT_UNWIND_TABLES: &str = "\
SECTIONS { /DISCARD/ : { *(.eh_frame .eh_frame_hdr .gcc_except_table .gcc_except_table.*) } }
INSERT AFTER .text;
";

/// The shared libraries that the standard library links, and the static archives to link instead.
const ARCHIVES: [(&str, &[&str]); 3] = [
    // On arm64, libc.a needs libgcc: 128-bit floating-point numbers, and the cleanup of canceled threads.
    ("c", &["libc.a", "libgcc_eh.a", "libgcc.a"]),
    ("gcc_s", &["libgcc_eh.a", "libgcc.a"]),
    ("m", &["libm.a"]),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=KUBECTL_ESC_LINK");
    println!("cargo::rustc-check-cfg=cfg(static_glibc)");
    // For `kubectl-esc version`.
    let triple = env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=KUBECTL_ESC_TARGET={triple}");
    println!(
        "cargo::rustc-env=KUBECTL_ESC_COMMIT={}",
        commit().unwrap_or_default()
    );
    let target = |name: &str| env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    if target("OS") != "linux" {
        return;
    }
    // The release profile aborts on panics. Development builds keep the tables for debuggers. On arm64, GCC's
    // start files refer to the tables, and a linker that the user chose, such as mold, may not read the script.
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let is_release = env::var("PROFILE").as_deref() == Ok("release");
    if is_release && target("ARCH") == "x86_64" && !flags.contains("link") {
        let script = out_dir().join("without-unwind-tables.ld");
        if fs::write(&script, WITHOUT_UNWIND_TABLES).is_ok() {
            println!("cargo::rustc-link-arg-bins=-Wl,-T,{}", script.display());
        }
    }
    if target("ENV") != "gnu" {
        return;
    }
    let is_dynamic = env::var_os("KUBECTL_ESC_LINK").is_some_and(|link| link == "dynamic");
    let knows_libraries = knows_libraries_of_target();
    let archives = if knows_libraries && !is_dynamic {
        static_archives()
    } else {
        None
    };
    let glibc = if knows_libraries {
        Glibc::of_library(archives.as_ref().map_or("libc.so.6", |_| "libc.a"))
    } else {
        None
    };
    let release = glibc
        .as_ref()
        .map_or("an unknown version", |glibc| &glibc.release);
    println!("cargo::rustc-env=KUBECTL_ESC_GLIBC={release}");
    if target("FEATURE").contains("crt-static") {
        println!("cargo::rustc-cfg=static_glibc");
        return;
    }
    let version = glibc.map(|glibc| glibc.version);
    // Since 2.34, the DNS resolver is part of libc.a.
    let link_dir = archives
        .filter(|_| version >= Some((2, 34)))
        .and_then(|archives| write_linker_scripts(&archives).ok());
    match link_dir {
        Some(directory) => {
            println!("cargo::rustc-cfg=static_glibc");
            println!("cargo::rustc-link-arg-bins=-static-pie");
            println!("cargo::rustc-link-arg-bins=-L{}", directory.display());
        }
        // Links the unwinder statically, before the standard library links it dynamically: one shared
        // library less to load.
        None => println!("cargo::rustc-link-lib=static:-bundle,+whole-archive=gcc_eh"),
    }
    if version >= Some((2, 36)) {
        // Relocations in a tenth of the space, supported since glibc 2.36.
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The commit that is built: `KUBECTL_ESC_COMMIT`, or else that of the repository. Development builds have
/// none, which would compile everything again after each commit.
fn commit() -> Option<String> {
    println!("cargo::rerun-if-env-changed=KUBECTL_ESC_COMMIT");
    if let Ok(commit) = env::var("KUBECTL_ESC_COMMIT") {
        return Some(commit);
    }
    if env::var("PROFILE").as_deref() != Ok("release") {
        return None;
    }
    let git = |argument: &[&str]| {
        let output = Command::new("git")
            .arg("rev-parse")
            .args(argument)
            .output()
            .ok()?;
        output.status.success().then_some(())?;
        String::from_utf8(output.stdout).ok()
    };
    // An archive of the source that was unpacked in another repository is not at that one's commit.
    let prefix = git(&["--show-prefix"])?;
    prefix.trim().is_empty().then_some(())?;
    println!(
        "cargo::rerun-if-changed={}",
        git(&["--git-path", "logs/HEAD"])?.trim()
    );
    Some(git(&["HEAD"])?.trim().to_owned())
}

/// Whether the linker is for the target: that of this machine, or the one that a cross build names.
fn knows_libraries_of_target() -> bool {
    env::var("HOST") == env::var("TARGET") || env::var_os("RUSTC_LINKER").is_some()
}

/// A version of glibc.
struct Glibc {
    version: (u32, u32),
    /// With the distribution's revision, which says what security fixes it has: `Debian GLIBC 2.36-9+deb12u14`.
    release: String,
}

impl Glibc {
    /// The glibc that the linker uses, from the line in it that starts with `GNU C Library`. The static one
    /// can be of another package than the shared one, and have other security fixes.
    fn of_library(name: &str) -> Option<Self> {
        const START: &[u8] = b"GNU C Library (";
        let library = fs::read(compiler_file(name)?).ok()?;
        let start = library.windows(START.len()).position(|at| at == START)?;
        let line = library[start + START.len()..]
            .split(|byte| *byte == b'\n')
            .next()?;
        // `Debian GLIBC 2.36-9+deb12u14) stable release version 2.36.`
        let (name, text) = std::str::from_utf8(line).ok()?.split_once(')')?;
        let number = text.trim_end_matches('.').rsplit(' ').next()?;
        let (major, minor) = number.split_once('.')?;
        Some(Self {
            version: (major.parse().ok()?, minor.parse().ok()?),
            release: if name.contains(number) {
                name.to_owned()
            } else {
                format!("{name} {number}")
            },
        })
    }
}

/// The paths of [`ARCHIVES`] by library; `None` if one is missing.
fn static_archives() -> Option<Vec<(&'static str, Vec<PathBuf>)>> {
    // The start code of a static position-independent executable.
    compiler_file("rcrt1.o")?;
    let libraries = ARCHIVES.iter().map(|(library, archives)| {
        let paths = archives.iter().map(|archive| compiler_file(archive));
        Some((*library, paths.collect::<Option<Vec<_>>>()?))
    });
    libraries.collect()
}

/// The path of a file in the compiler's search path.
fn compiler_file(name: &str) -> Option<PathBuf> {
    let compiler = env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let output = Command::new(compiler)
        .arg(format!("-print-file-name={name}"))
        .output()
        .ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    // The compiler prints the name of a missing file unchanged.
    path.is_absolute().then_some(path)
}

/// The directory for what the build creates.
fn out_dir() -> PathBuf {
    env::var_os("OUT_DIR").unwrap_or_default().into()
}

/// Creates a directory in which the linker finds the static archives under the names of the shared
/// libraries. (Cargo's own way to link statically is a compiler flag, which a package cannot set.)
fn write_linker_scripts(archives: &[(&str, Vec<PathBuf>)]) -> io::Result<PathBuf> {
    let directory = out_dir().join("static");
    fs::create_dir_all(&directory)?;
    for (library, paths) in archives {
        let paths = paths.iter().map(|path| format!(" \"{}\"", path.display()));
        let script = format!("GROUP ({} )\n", paths.collect::<String>());
        fs::write(directory.join(format!("lib{library}.a")), script)?;
    }
    Ok(directory)
}
