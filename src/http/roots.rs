//! Reads the root certificates that connections trust.

use std::collections::BTreeSet;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::bounded_read::read_regular;
use crate::error::{Error, Result};
use crate::host::Host;

/// Larger CA bundles are rejected. In bytes.
const MAX_CA_BUNDLE_BYTES: usize = 16 * 1024 * 1024;

/// The files with all root certificates on Unix, as Go's `crypto/x509` and openssl-probe know them.
#[cfg(not(any(windows, target_os = "macos")))]
const BUNDLES: [&str; 8] = [
    "/etc/ssl/certs/ca-certificates.crt", // Debian, Gentoo, Arch
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Fedora, RHEL
    "/etc/pki/tls/certs/ca-bundle.crt",   // RHEL 6
    "/etc/ssl/ca-bundle.pem",             // SUSE
    "/etc/ssl/cert.pem",                  // Alpine, OpenBSD
    "/etc/pki/tls/cacert.pem",            // OpenELEC
    "/usr/local/etc/ssl/cert.pem",        // FreeBSD
    "/etc/openssl/certs/ca-certificates.crt", // NetBSD
];

/// The directories with one file for each root certificate.
#[cfg(not(any(windows, target_os = "macos")))]
const DIRECTORIES: [&str; 4] = [
    "/etc/ssl/certs",
    "/etc/pki/tls/certs",
    "/usr/local/share/certs",
    "/etc/openssl/certs",
];

/// The system's root certificates and those in `AWS_CA_BUNDLE`.
pub(super) fn trusted_roots(host: &Host) -> Result<RootCertStore> {
    let mut roots = system_roots(host)?;
    if let Some(path) = host.path_variable("AWS_CA_BUNDLE") {
        add_file(&mut roots, &path, "AWS_CA_BUNDLE")?;
    }
    Ok(roots)
}

/// The root certificates in `SSL_CERT_FILE` and `SSL_CERT_DIR` (OpenSSL's variables), or else those of
/// the operating system.
pub(super) fn system_roots(host: &Host) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let file = host.path_variable("SSL_CERT_FILE");
    let directories = host.path_variable("SSL_CERT_DIR");
    if file.is_none() && directories.is_none() {
        roots.add_parsable_certificates(platform_roots());
    }
    if let Some(file) = file {
        add_file(&mut roots, &file, "SSL_CERT_FILE")?;
    }
    for directory in directories.iter().flat_map(std::env::split_paths) {
        roots.add_parsable_certificates(certificates_in_directory(&directory));
    }
    Ok(roots)
}

/// Adds the certificates in the PEM file that `variable` names. Fails if there is none.
fn add_file(roots: &mut RootCertStore, path: &Path, variable: &str) -> Result<()> {
    let unusable = || {
        let path = path.display();
        let message = format!("cannot read the certificates in `{path}` (from `{variable}`)");
        Error::configuration(message).with_hint(format!(
            "set `{variable}` to a PEM file with at least one certificate, or unset it"
        ))
    };
    let text =
        read_regular(path, MAX_CA_BUNDLE_BYTES).map_err(|error| unusable().caused_by(error))?;
    let (added, _) = roots.add_parsable_certificates(certificates_of(&text));
    if added == 0 {
        return Err(unusable().caused_by("the file contains no certificate"));
    }
    Ok(())
}

/// The certificates in the files of a directory. OpenSSL's tools link a file there by several names, so
/// a certificate may be read several times, but is returned once.
fn certificates_in_directory(directory: &Path) -> Vec<CertificateDer<'static>> {
    let mut certificates = BTreeSet::new();
    let mut remaining = MAX_CA_BUNDLE_BYTES;
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        if let Ok(text) = read_regular(&entry.path(), remaining) {
            remaining -= text.len();
            certificates.extend(certificates_of(&text).into_iter().map(|it| it.to_vec()));
        }
    }
    certificates.into_iter().map(CertificateDer::from).collect()
}

pub(super) fn certificates_of(text: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(text)
        .filter_map(Result::ok)
        .collect()
}

#[cfg(any(windows, target_os = "macos"))]
fn platform_roots() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

#[cfg(not(any(windows, target_os = "macos")))]
fn platform_roots() -> Vec<CertificateDer<'static>> {
    first_roots(&BUNDLES.map(Path::new), &DIRECTORIES.map(Path::new))
}

/// The certificates in the first bundle that has any, or else in the first such directory. Systems that
/// have both keep the same certificates in them.
#[cfg(not(any(windows, target_os = "macos")))]
fn first_roots(bundles: &[&Path], directories: &[&Path]) -> Vec<CertificateDer<'static>> {
    let bundles = bundles.iter().map(|path| {
        let text = read_regular(path, MAX_CA_BUNDLE_BYTES);
        text.map_or_else(|_| Vec::new(), |text| certificates_of(&text))
    });
    let directories = directories
        .iter()
        .map(|path| certificates_in_directory(path));
    let mut found = bundles.chain(directories).filter(|it| !it.is_empty());
    found.next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
