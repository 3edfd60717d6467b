#!/usr/bin/env bash
# Runs random trials with random faults, and checks every one; what fails is named by its seed.
#
# Usage: scripts/swarm.sh --help

set -Eeuo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
scalemodel=${SCALEMODEL:-${CARGO_TARGET_DIR:-${root}/target}/release/scalemodel}
# So many trials run side by side.
readonly batch=10

usage() {
  cat <<'USAGE'
Usage: scripts/swarm.sh [OPTION]...

Draws random trials, each with a random schedule of faults that ends before the trial does, runs
their machines as OS processes, and checks that causality held, nothing was lost, and every fault
took effect. At the virtual pace the logs must also be those of the in-process engine.

Options:
  --pace PACE       virtual (default), or real
  --speed X         X model seconds pass in a second, at the real pace (default 10)
  --schedules N     so many schedules at most (default 1000)
  --seconds S       no new ones after so many seconds (default 60)
  --first-seed N    the seed of the first one (default 1)
  --host ADDRESS    where all machines listen (default 127.0.0.1)
  --replay SEED     this one alone; its logs stay in logs/
  -h, --help        this text

Exit codes: 0 every schedule holds; 1 some do not; 2 nothing could be run.

Example:
  scripts/swarm.sh --pace real --schedules 50
USAGE
}

refuse() {
  printf 'swarm.sh: error: %s\n' "$*" >&2
  exit 2
}

pace=virtual
speed=10
schedules=1000
seconds=60
first_seed=1
host=127.0.0.1
replay=

parse_arguments() {
  while (($# > 0)); do
    case $1 in
      -h | --help)
        usage
        exit 0
        ;;
    esac
    (($# > 1)) || refuse "unknown option $1, or it needs a value; see --help"
    case $1 in
      --pace) pace=$2 ;;
      --speed) speed=$2 ;;
      --schedules) schedules=$2 ;;
      --seconds) seconds=$2 ;;
      --first-seed) first_seed=$2 ;;
      --host) host=$2 ;;
      --replay) replay=$2 ;;
      *) refuse "unknown option $1; see --help" ;;
    esac
    shift 2
  done
  [[ ${pace} == virtual || ${pace} == real ]] || refuse "--pace: found ${pace}; virtual or real"
  local value
  for value in "${schedules}" "${seconds}" "${first_seed}" "${replay:-0}"; do
    [[ ${value} =~ ^[0-9]{1,15}$ ]] || refuse "found ${value}, allowed: a whole number"
  done
  ((schedules > 0)) || refuse "--schedules: found 0, allowed: 1 or more"
  pace_options=(--pace "${pace}")
  [[ ${pace} == virtual ]] || pace_options+=(--speed "${speed}")
}

ensure_program() {
  [[ -n ${SCALEMODEL:-} ]] || cargo build --release --quiet --manifest-path "${root}/Cargo.toml" ||
    refuse "scalemodel could not be built"
  [[ -x ${scalemodel} ]] || refuse "${scalemodel} is not a program"
}

# Draws the trials of so many seeds from one on.
draw() {
  "${scalemodel}" swarm --first-seed "$1" --trials "$2" --host "${host}" \
    --folder "${work}/trials" || exit 2
}

# Runs trials side by side; not whether they hold.
run() {
  SCALEMODEL=${scalemodel} "${root}/scripts/run_experiment.sh" --no-plots --logs "$1" \
    "${pace_options[@]}" "${@:2}"
}

# Whether the run of a trial holds, and is the engine's at the virtual pace.
holds() {
  local run=$1 twin
  "${scalemodel}" check --quiet "${run}" >/dev/null || return 1
  [[ ${pace} == virtual ]] || return 0
  twin=${work}/twin
  rm -rf -- "${twin}"
  "${scalemodel}" simulate --quiet "${run}/trial.toml" --logs "${twin}" >/dev/null &&
    "${scalemodel}" compare "${run}" "${twin}" >/dev/null
}

replay() {
  local trial
  trial=$(draw "${replay}" 1)
  run "${root}/logs" "${trial}"
}

swarm() {
  local seed=${first_seed} last=$((first_seed + schedules - 1)) count failed=0 done=0 file name
  local -a files
  SECONDS=0 # building does not count
  while ((seed <= last && (done == 0 || SECONDS < seconds))); do
    count=$((last - seed + 1 < batch ? last - seed + 1 : batch))
    mapfile -t files < <(draw "${seed}" "${count}")
    ((${#files[@]} == count)) || exit 2
    rm -rf -- "${work}/logs"
    run "${work}/logs" "${files[@]}" >"${work}/said" 2>&1 || :
    for file in "${files[@]}"; do
      name=$(basename -- "${file}" .toml)
      if ! holds "${work}/logs/${name}"; then
        failed=$((failed + 1))
        printf '%s: does not hold; replay it: scripts/swarm.sh --pace %s --replay %s\n' \
          "${name}" "${pace}" "${name#swarm-}"
        grep -F "${name}" "${work}/said" | head -n 5 || :
        "${scalemodel}" check "${work}/logs/${name}" || :
      fi
    done
    seed=$((seed + count))
    done=$((done + count))
  done
  printf '%s schedules at the %s pace, seeds %s to %s: %s do not hold\n' \
    "${done}" "${pace}" "${first_seed}" "$((seed - 1))" "${failed}"
  ((failed == 0))
}

parse_arguments "$@"
ensure_program
work=$(mktemp -d)
trap 'rm -rf -- "${work}"' EXIT
if [[ -n ${replay} ]]; then
  replay
else
  swarm
fi
