#!/usr/bin/env bash
# How long the real runs of the nine trials stay their virtual twins: the model held against the
# machine.
#
# Usage: benches/twins.sh [SPEED]    (default: 1, some two minutes)
#
# Runs all trials side by side at the real pace, then each in process, and compares event by event:
# event, peers, logical clock, queue length, received timestamp and draw.

set -Eeuo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
readonly root speed=${1:-1}
work=$(mktemp -d)
trap 'rm -rf -- "${work}"' EXIT

"${root}/scripts/run_experiment.sh" --no-plots --speed "${speed}" --logs "${work}" all \
  >"${work}/report"
scalemodel=${CARGO_TARGET_DIR:-${root}/target}/release/scalemodel
for trial in trial{1..9}; do
  "${scalemodel}" simulate --quiet "${work}/${trial}/trial.toml" --logs "${work}/${trial}-twin" >/dev/null
  answer=$("${scalemodel}" compare "${work}/${trial}" "${work}/${trial}-twin") || :
  printf '%s: %s\n' "${trial}" "$(head -n 1 <<<"${answer}")"
done
