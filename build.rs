//! Linker settings that make a start of the process cheap: see docs/performance.md.

#![expect(
    clippy::disallowed_methods,
    reason = "Cargo says by variables what is built"
)]

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The shared libraries that the standard library asks for, and the archives to give instead.
const ARCHIVES: [(&str, &[&str]); 3] = [
    ("c", &["libc.a"]),
    ("gcc_s", &["libgcc_eh.a", "libgcc.a"]),
    ("m", &["libm.a"]),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=KUBECTL_ESC_LINK");
    println!("cargo::rustc-check-cfg=cfg(static_glibc)");
    let target = |name: &str| env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    if target("OS") != "linux" || target("ENV") != "gnu" {
        return;
    }
    if target("FEATURE").contains("crt-static") {
        println!("cargo::rustc-cfg=static_glibc");
        return;
    }
    let glibc = is_built_for_this_machine().then(glibc).flatten();
    // Since then, glibc's archive looks names up by itself.
    let is_wanted = env::var_os("KUBECTL_ESC_LINK").is_none_or(|link| link != "dynamic");
    let is_able = is_wanted && glibc.is_some_and(|version| version >= (2, 34));
    let found = is_able.then(archives).flatten();
    match found.and_then(|archives| substitutes(&archives).ok()) {
        Some(folder) => {
            println!("cargo::rustc-cfg=static_glibc");
            println!("cargo::rustc-link-arg-bins=-static-pie");
            println!("cargo::rustc-link-arg-bins=-L{}", folder.display());
        }
        // The unwinder out of the compiler's archive, before the standard library asks for the
        // shared one: a library less to load.
        None => println!("cargo::rustc-link-lib=static:-bundle,+whole-archive=gcc_eh"),
    }
    if glibc.is_some_and(|version| version >= (2, 36)) {
        // Relocations in a tenth of the space. glibc knows that form since 2.36.
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

fn is_built_for_this_machine() -> bool {
    env::var("HOST") == env::var("TARGET")
}

/// The version of this machine's glibc.
fn glibc() -> Option<(u32, u32)> {
    let output = Command::new("getconf")
        .arg("GNU_LIBC_VERSION")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Where the archives are; `None` where one is missing.
fn archives() -> Option<Vec<(&'static str, Vec<PathBuf>)>> {
    // What a static executable that can be anywhere in memory begins with.
    file_of_the_compiler("rcrt1.o")?;
    let found = ARCHIVES.iter().map(|(library, archives)| {
        let paths = archives.iter().map(|archive| file_of_the_compiler(archive));
        Some((*library, paths.collect::<Option<Vec<_>>>()?))
    });
    found.collect()
}

fn file_of_the_compiler(name: &str) -> Option<PathBuf> {
    let compiler = env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let output = Command::new(compiler)
        .arg(format!("-print-file-name={name}"))
        .output()
        .ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    // What it does not have, it repeats.
    path.is_absolute().then_some(path)
}

/// A folder in which the linker finds the archives under the names of the shared libraries. Cargo
/// can make an executable static by flags alone, which the package cannot give.
fn substitutes(archives: &[(&str, Vec<PathBuf>)]) -> io::Result<PathBuf> {
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("no OUT_DIR"))?;
    let folder = Path::new(&out).join("static");
    fs::create_dir_all(&folder)?;
    for (library, paths) in archives {
        let paths = paths.iter().map(|path| format!(" \"{}\"", path.display()));
        let script = format!("GROUP ({} )\n", paths.collect::<String>());
        fs::write(folder.join(format!("lib{library}.a")), script)?;
    }
    Ok(folder)
}
