# Sourced by the scripts of this folder.
# shellcheck shell=bash disable=SC2034
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# `path+file:///…#kubectl-esc@0.1.0`
version=$(cargo pkgid --package kubectl-esc)
version=${version##*[#@]}
repository=$(sed -n 's/^repository = "\(.*\)"/\1/p' Cargo.toml)
host=$(rustc --print host-tuple)
packages=target/packages
share=$packages/share
# For equal packages from equal commits.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

# Builds the executable for a target, and the files that fit all targets. Sets `executable`.
build() {
  local target=$1 extension=''
  case $target in
  aarch64-unknown-linux-gnu)
    if [ "$target" != "$host" ]; then
      export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=${CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER-aarch64-linux-gnu-gcc}
    fi
    ;;
  *-windows-*) extension=.exe ;;
  esac
  cargo build --locked --release --package kubectl-esc --target "$target"
  executable=${CARGO_TARGET_DIR-target}/$target/release/kubectl-esc$extension
  write_share
  "$(command -v python3 || command -v python)" packaging/notices "$target" >"$share/THIRD-PARTY-NOTICES"
}

# Writes man pages and completions. The program that prints them runs on this machine, also in cross builds.
write_share() {
  rm -rf "$share"
  mkdir -p "$share"/{completions,man/man1}
  cargo run --quiet --locked --package man-pages -- "$share/man/man1" "$(day)"
  # A copy: krew rejects archives with links.
  cp "$share/man/man1/"{kubectl-esc-completion,kubectl_complete-esc}.1
  completion bash >"$share/completions/kubectl-esc.bash"
  completion zsh >"$share/completions/_kubectl-esc"
  completion fish >"$share/completions/kubectl-esc.fish"
  completion powershell >"$share/completions/kubectl-esc.ps1"
  completion kubectl >"$share/kubectl_complete-esc"
  chmod +x "$share/kubectl_complete-esc"
}

completion() {
  cargo run --quiet --locked --bin kubectl-esc -- completion "$1"
}

# The day of SOURCE_DATE_EPOCH, by GNU's or BSD's date.
day() {
  date -u -d "@$SOURCE_DATE_EPOCH" +%F 2>/dev/null || date -u -r "$SOURCE_DATE_EPOCH" +%F
}
