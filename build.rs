//! Linker settings that make a start of the process cheap: see docs/performance.md.

#![expect(
    clippy::disallowed_methods,
    reason = "Cargo says by variables what is built"
)]

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = |name: &str| env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    if target("OS") == "linux"
        && target("ENV") == "gnu"
        && !target("FEATURE").contains("crt-static")
    {
        // The unwinder out of the compiler's archive, before the standard library asks for the
        // shared one: a library less to load.
        println!("cargo::rustc-link-lib=static:-bundle,+whole-archive=gcc_eh");
        if is_built_for_this_machine() && glibc().is_some_and(|version| version >= (2, 36)) {
            // Relocations in a tenth of the space. The loader knows that form since glibc 2.36.
            println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
        }
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
