#!/usr/bin/env bash
# Fuzzes whatever reads what others wrote: libFuzzer drives the targets of fuzz/, from the seeds that
# are kept there and from the corpus that has grown on this computer.
#
# What a target holds is said at the top of its file in fuzz/fuzz_targets.

set -Eeuo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
readonly fuzz=${root}/fuzz
readonly target_dir=${CARGO_TARGET_DIR:-${root}/target}/fuzz

# More memory than this, or more time for one input, is a finding.
readonly memory_max_mib=1024
readonly input_time_max_s=10

# The longest input, in bytes: some 60 lines of a log.
readonly input_len_max=8192

usage() {
  cat <<'USAGE'
Usage: scripts/fuzz.sh [SECONDS] [TARGET...]

Builds the fuzz targets, and runs each TARGET for so many SECONDS (default: 60), one after the
other. Without a TARGET: all of them. The corpus grows in fuzz/corpus, and what breaks a target is
put into fuzz/artifacts. Installs cargo-fuzz if it is missing.

Targets:
USAGE
  printf '  %s\n' "${all_targets[@]}"
  cat <<'USAGE'

Exit codes: 0 nothing was found; 1 a target is broken; 2 something could not be run.

Example:
  scripts/fuzz.sh 600 log_reader run_checker
USAGE
}

say() {
  printf '%s\n' "$*" >&2
}

refuse() {
  say "fuzz.sh: error: $*"
  exit 2
}

# --- what was asked for -----------------------------------------------------------------------

all_targets=()
targets=()
seconds=60

list_targets() {
  local file
  for file in "${fuzz}/fuzz_targets/"*.rs; do
    file=${file##*/}
    all_targets+=("${file%.rs}")
  done
}

parse_arguments() {
  if [[ ${1:-} =~ ^[0-9]+$ ]]; then
    seconds=$((10#$1))
    ((0 < seconds)) || refuse "a target runs for a second at least; see --help"
    shift
  fi
  local argument
  for argument in "$@"; do
    case ${argument} in
      -h | --help)
        usage
        exit 0
        ;;
      -*) refuse "unknown option ${argument}; see --help" ;;
      *)
        [[ " ${all_targets[*]} " == *" ${argument} "* ]] ||
          refuse "no target '${argument}'; there are: ${all_targets[*]}"
        targets+=("${argument}")
        ;;
    esac
  done
  ((0 < ${#targets[@]})) || targets=("${all_targets[@]}")
}

# --- what must be there -----------------------------------------------------------------------

# Where the programs of the targets are, once they are built.
programs=

ensure_cargo_fuzz() {
  command -v cargo >/dev/null || refuse "cargo is missing; install Rust: https://rustup.rs"
  cargo fuzz --version >/dev/null 2>&1 && return
  say "installing cargo-fuzz ..."
  cargo install --quiet --locked cargo-fuzz ||
    refuse "cargo-fuzz could not be installed; try: cargo install cargo-fuzz"
}

# There is no unsafe code to watch over, and without a sanitizer a stable compiler will do.
build() {
  local target host
  host=$(rustc --version --verbose | sed -n 's/^host: //p')
  programs=${target_dir}/${host}/release
  for target in "${targets[@]}"; do
    say "building ${target} ..."
    (cd -- "${root}" &&
      cargo fuzz build --sanitizer none --target-dir "${target_dir}" "${target}" >&2) ||
      refuse "${target} could not be built"
  done
}

# --- running ----------------------------------------------------------------------------------

fuzzer=
broken=()

# shellcheck disable=SC2317 # it is called by the traps
stop_fuzzer() {
  [[ -n ${fuzzer} ]] || return 0
  kill -s KILL "${fuzzer}" 2>/dev/null || : # it has just ended by itself
  wait "${fuzzer}" 2>/dev/null || :
}

# shellcheck disable=SC2317 # it is called by the traps
die_by_signal() {
  stop_fuzzer
  trap - "$1" EXIT
  kill -s "$1" "$$"
}

run() {
  local target=$1 status=0 dictionary=${fuzz}/dictionaries/$1.dict
  local corpus=${fuzz}/corpus/${target} artifacts=${fuzz}/artifacts/${target}
  local report=${artifacts}/report.txt options
  mkdir -p -- "${corpus}" "${artifacts}" || refuse "cannot make folders in ${fuzz}"
  options=(-max_total_time="${seconds}" -max_len="${input_len_max}" -timeout="${input_time_max_s}"
    -rss_limit_mb="${memory_max_mib}" -artifact_prefix="${artifacts}/" -print_final_stats=1)
  [[ ! -f ${dictionary} ]] || options+=(-dict="${dictionary}")
  say "running ${target} for ${seconds} s ..."
  "${programs}/${target}" "${options[@]}" "${corpus}" "${fuzz}/seeds/${target}" \
    </dev/null >"${report}" 2>&1 &
  fuzzer=$!
  wait "${fuzzer}" || status=$?
  fuzzer=
  printf '%s: %s executions\n' "${target}" "$(executions "${report}")"
  ((status == 0)) || tell_of "${target}" "${report}"
}

# The number of executions, as libFuzzer reports it.
executions() {
  sed -n 's/^stat::number_of_executed_units: *//p' "$1" | grep . || printf 'unknown\n'
}

# What has broken a target, where it lies, and how to see it again.
tell_of() {
  local target=$1 report=$2 artifact
  broken+=("${target}")
  grep -E -A 4 "panicked at|^==[0-9]+== *(ERROR|libFuzzer)" "${report}" >&2 || tail "${report}" >&2
  artifact=$(sed -n 's/.*Test unit written to //p' "${report}" | tail -n 1)
  say "${target} is broken; what libFuzzer said: ${report}"
  [[ -n ${artifact} ]] || return 0
  say "the input: ${artifact}"
  say "replay it: ${programs}/${target} ${artifact}"
}

main() {
  list_targets
  parse_arguments "$@"
  ensure_cargo_fuzz
  build
  trap stop_fuzzer EXIT
  trap 'die_by_signal INT' INT
  trap 'die_by_signal TERM' TERM
  trap 'die_by_signal HUP' HUP
  local target
  for target in "${targets[@]}"; do
    run "${target}"
  done
  if ((0 < ${#broken[@]})); then
    say "broken: ${broken[*]}"
    exit 1
  fi
}

main "$@"
