#!/usr/bin/env bash
# Writes docs/notebook.md: runs the notebook's nine trials, draws their plots, and has its claims
# tested.
#
# What is measured, compared and said is the business of 'scalemodel claims'.

set -Eeuo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
readonly scripts=${root}/scripts
readonly plots=${root}/docs/images/notebook

usage() {
  cat <<'USAGE'
Usage: scripts/notebook.sh [OUTPUT.md]

Runs the notebook's nine trials at the virtual pace, checks them, draws their plots into
docs/images/notebook, tests the notebook's claims over a thousand seeds each, and writes all of it
to OUTPUT.md (default: docs/notebook.md).

Exit codes: 0 every claim has the expected verdict; 1 one has not, or causality is violated;
2 something could not be run.
USAGE
}

say() {
  printf '%s\n' "$*" >&2
}

refuse() {
  say "notebook.sh: error: $*"
  exit 2
}

scalemodel=${SCALEMODEL:-${CARGO_TARGET_DIR:-${root}/target}/release/scalemodel}

build() {
  if [[ -n ${SCALEMODEL:-} ]]; then
    [[ -x ${SCALEMODEL} ]] || refuse "SCALEMODEL=${SCALEMODEL} is not a program"
    return
  fi
  command -v cargo >/dev/null || refuse "cargo is missing; install Rust: https://rustup.rs"
  cargo build --release --quiet --manifest-path "${root}/Cargo.toml" ||
    refuse "scalemodel could not be built"
}

main() {
  case ${1:-} in
    -h | --help)
      usage
      exit 0
      ;;
    -*) refuse "unknown option $1; see --help" ;;
    *) ;;
  esac
  (($# <= 1)) || refuse "one file at most; see --help"
  local output=${1:-${root}/docs/notebook.md}
  local verdict=0
  build
  "${scripts}/install.sh" gnuplot gnuplot-nox || refuse "the plots need gnuplot"
  work=$(mktemp -d)
  trap 'rm -rf -- "${work}"' EXIT
  SCALEMODEL=${scalemodel} "${scripts}/run_experiment.sh" --pace virtual --logs "${work}/logs" \
    --plots "${plots}" all >&2 || exit
  "${scalemodel}" claims --runs 1000 --trials "${scripts}/trials" --logs "${work}/logs" \
    --plots images/notebook >"${work}/notebook.md" || verdict=$?
  ((verdict <= 1)) || exit "${verdict}"
  cp -- "${work}/notebook.md" "${output}" || refuse "cannot write ${output}"
  say "written: ${output}"
  exit "${verdict}"
}

main "$@"
