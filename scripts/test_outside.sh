#!/usr/bin/env bash
# Passes the tests that read what the program wrote with readers that are not ours: data libraries,
# trace viewers and a browser.
#
# Installs the Debian packages that it misses when it may (as root), or names them, and the Python
# packages of tests/outside/requirements.txt into a folder below target/. Arguments are those of
# pytest, as in: scripts/test_outside.sh -k perfetto

set -Eeuo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

target=${CARGO_TARGET_DIR:-${PWD}/target}
readonly target
readonly venv=${target}/outside/venv
readonly wanted=tests/outside/requirements.txt
readonly installed=${target}/outside/requirements.txt

step() {
  printf '\n=== %s\n' "$*" >&2
}

refuse() {
  printf 'test_outside.sh: error: %s\n' "$*" >&2
  exit 2
}

case ${1:-} in
  -h | --help) printf 'usage: scripts/test_outside.sh [ARGUMENT OF PYTEST]...\n' && exit ;;
esac

step 'what the tests need'
command -v cargo >/dev/null || refuse 'cargo is missing; install Rust: https://rustup.rs'
scripts/install.sh chromium chromium python3 python3
# This package has no program of its own.
python3 -c 'import ensurepip, venv' 2>/dev/null || scripts/install.sh 'python3 -m venv' python3-venv

step 'Python packages'
if ! cmp -s -- "${wanted}" "${installed}"; then
  rm -rf -- "${target}/outside"
  python3 -m venv "${venv}" || refuse "cannot make ${venv}; Python 3.11 or newer is needed"
  "${venv}/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: -r "${wanted}" ||
    refuse "cannot install what ${wanted} lists; is there a way to a package index?"
  # Last, so that what was cut short is done again.
  cp -- "${wanted}" "${installed}"
fi

step 'the program'
cargo build --release --locked

step 'tests'
SCALEMODEL=${target}/release/scalemodel PYTHONDONTWRITEBYTECODE=1 \
  "${venv}/bin/python" -m pytest -p no:cacheprovider tests/outside "$@"

printf '\nall outside tests have passed\n' >&2
