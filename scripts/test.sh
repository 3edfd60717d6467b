#!/usr/bin/env bash
# Passes all tests: format, lints, unit, property and end-to-end tests, scripts.
#
# Installs the Debian packages that it misses when it may (as root), or names them.

set -Eeuo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

readonly usage='usage: scripts/test.sh; it takes no arguments, and passes all tests'
case ${1:-} in
  '') ;;
  -h | --help) printf '%s\n' "${usage}" && exit ;;
  *) printf '%s\n' "${usage}" >&2 && exit 2 ;;
esac

step() {
  printf '\n=== %s\n' "$*" >&2
}

step 'what the tests need'
command -v cargo >/dev/null || {
  printf 'cargo is missing; install Rust: https://rustup.rs\n' >&2
  exit 2
}
scripts/install.sh gnuplot gnuplot-nox shellcheck shellcheck shfmt shfmt bats bats \
  pgrep procps perl perl-base script bsdutils
# Only root can make hosts of network namespaces.
((EUID != 0)) || scripts/install.sh ip iproute2 ssh openssh-client sshd openssh-server

step 'format'
cargo fmt --check
cargo fmt --check --manifest-path fuzz/Cargo.toml
shfmt -i 2 -ci -d scripts/*.sh benches/*.sh .ci/run
shfmt -i 2 -ci -ln bats -d tests/*.bats

step 'lints'
cargo clippy --all-targets --locked -- -D warnings
cargo clippy --manifest-path fuzz/Cargo.toml --no-default-features --locked \
  --target-dir "${CARGO_TARGET_DIR:-target}" -- -D warnings
shellcheck scripts/*.sh benches/*.sh .ci/run
shellcheck -e SC2154 tests/*.bats # bats assigns 'stderr' and 'status'

step 'unit, property and end-to-end tests'
cargo test --locked

step 'script tests'
SCALEMODEL=${CARGO_TARGET_DIR:-${PWD}/target}/debug/scalemodel bats tests

printf '\nall tests have passed\n' >&2
