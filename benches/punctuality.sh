#!/usr/bin/env bash
# How punctual the machines are: trial 7 at speed 1 beside cyclictest, on the same computer.
#
# Usage: benches/punctuality.sh [RUNS] [DURATION_S]    (default: 5 runs of 60 s, some 10 minutes)
#
# A run of the trial and a run of cyclictest (as many threads, the interval of the fast machines,
# normal priority) take turns, so that both meet the same noise. Prints one row a run and the
# medians. Needs Debian's rt-tests; the computer should be otherwise idle.
#
# cyclictest keeps the processors out of their idle states while it runs, where it may write to
# /dev/cpu_dma_latency. That is a setting of the whole computer and favours whoever runs meanwhile,
# so it is held for both here, or for neither.

set -Eeuo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
readonly root runs=${1:-5} duration_s=${2:-60}
work=$(mktemp -d)
trap 'rm -rf -- "${work}"' EXIT

if [[ -w /dev/cpu_dma_latency ]]; then
  exec {awake}<>/dev/cpu_dma_latency
  printf '\0\0\0\0' >&"${awake}"
  printf 'idle states: off for both\n'
else
  printf 'idle states: as the computer has them, for both\n'
fi

cargo build --release --quiet --manifest-path "${root}/Cargo.toml"
"${root}/scripts/install.sh" cyclictest rt-tests time time
scalemodel=${CARGO_TARGET_DIR:-${root}/target}/release/scalemodel

# One OS process of a machine; its CPU time and peak memory go into a file of its own.
machine() {
  local number=$1 folder=$2 run=$3
  /usr/bin/env time -f '%U %S %M' -o "${work}/usage${number}" \
    "${scalemodel}-machine" --trial "${folder}/trial.toml" --machine "${number}" \
    --run "${run}" --logs "${folder}"
}

# One run of trial 7: done/due, lateness (median, p99, p99 of the last second), start skew, CPU
# seconds, peak memory in MB.
run_trial() {
  local folder machines run
  IFS=$'\t' read -r _ folder machines run _ < <("${scalemodel}" prepare --logs "${work}/logs" \
    --duration "${duration_s}" "${root}/scripts/trials/trial7.toml" 2>/dev/null)
  local number
  for ((number = 1; number <= machines; number++)); do
    machine "${number}" "${folder}" "${run}" &
  done
  wait
  "${scalemodel}" check --quiet "${folder}" >/dev/null
  local last=$((duration_s - 1)) late all_late last_late skew cpu
  all_late=$(cat "${folder}"/log*.txt | awk '/^[0-9]/ { print $4 }' | sort -n)
  late=$(percentiles <<<"${all_late}")
  last_late=$(cat "${folder}"/log*.txt | awk -v s="${last}" '/^[0-9]/ && $3 >= s { print $4 }' |
    sort -n | percentiles)
  skew=$("${scalemodel}" stats "${folder}" | sed -n 's/.*starts within \([0-9]*\) us/\1/p')
  cpu=$(awk '{ cpu += $1 + $2; mb += $3 / 1024 } END { printf "%.2f %.1f", cpu, mb }' \
    "${work}"/usage*)
  printf '%s %s %s %s %s\n' \
    "$(awk -v n="$(wc -l <<<"${all_late}")" -v d="${duration_s}" \
      'BEGIN { printf "%.4f", n / (13 * d) }')" "${late}" "${last_late% *}" "${skew}" "${cpu}"
}

# Median and 99th percentile (nearest rank) of sorted numbers.
percentiles() {
  awk '{ v[NR] = $1 } END { m = int((NR + 1) / 2); p = int((NR * 99 + 99) / 100); print v[m], v[p] }'
}

# One run of cyclictest: median and p99 of its latency, in us, and its CPU seconds, which show what
# sleeping and waking alone cost on this computer.
run_cyclictest() {
  env time -f '%U %S' -o "${work}/cyclictest" cyclictest --quiet --laptop --threads=3 --interval=166667 --distance=0 --duration="${duration_s}" \
    --policy=other --histogram=1000000 2>/dev/null |
    awk '/^[0-9]/ { for (i = 2; i <= NF; i++) for (n = 0; n < $i; n++) print $1 + 0 }' |
    sort -n | percentiles
  awk '{ printf "%.2f\n", $1 + $2 }' "${work}/cyclictest"
}

median() {
  sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

columns=(done/due late-median-us late-p99-us last-second-median-us start-skew-us cpu-s rss-MB
  cyclictest-median-us cyclictest-p99-us cyclictest-cpu-s p99-ratio)
printf '%s\t' run "${columns[@]}"
printf '\n'
for ((i = 1; i <= runs; i++)); do
  read -r -a row <<<"$(run_trial) $(run_cyclictest | paste -s -d ' ')"
  row+=("$(awk -v a="${row[2]}" -v b="${row[8]}" 'BEGIN { printf "%.2f", a / b }')")
  printf '%s\n' "${row[*]}" >>"${work}/rows"
  printf '%s\t' "${i}" "${row[@]}"
  printf '\n'
done
printf 'median\t'
for ((column = 1; column <= ${#columns[@]}; column++)); do
  printf '%s\t' "$(cut -d ' ' -f "${column}" "${work}/rows" | median)"
done
printf '\n'
