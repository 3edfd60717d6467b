#!/usr/bin/env bash
# What health costs a run: three machines at 1000 ticks a second, asked by nobody and all the time.
#
# Usage: benches/health.sh [RUNS] [DIR]...    (default: 5 runs of 8 s each way, some 90 seconds)
#
# Each DIR holds the two programs of a build; the default is this one's. Builds take turns, so that all
# meet the same noise. Prints a row a run: CPU seconds and voluntary context switches of the three
# machines, the memory of the largest in kB, its threads, and lateness in us.

set -Eeuo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
readonly root runs=${1:-5}
shift || :
work=$(mktemp -d)
trap 'rm -rf -- "${work}"' EXIT

builds=("$@")
if ((${#builds[@]} == 0)); then
  cargo build --release --quiet --manifest-path "${root}/Cargo.toml"
  builds=("${CARGO_TARGET_DIR:-${root}/target}/release")
fi
"${root}/scripts/install.sh" time time

trial=${work}/cost.toml
printf 'name = "cost"\nduration_s = 8\ndraw_range = 10\nseed = 3\n' >"${trial}"
for number in 1 2 3; do
  printf '[[machine]]\nhost = "127.20.6.40"\nport = 2000%s\nclock_rate = 1000\nphase = %s00\n' \
    "${number}" "${number}" >>"${trial}"
done

# run_trial BUILD nobody|asked
run_trial() {
  local build=$1 who=$2 folder run number pids=() pid threads most=0
  IFS=$'\t' read -r _ folder _ run _ < <("${build}/scalemodel" prepare --logs "${work}/logs" \
    "${trial}" 2>/dev/null)
  for number in 1 2 3; do
    /usr/bin/env time -f '%U %S %w %M' -o "${work}/usage${number}" \
      "${build}/scalemodel-machine" --trial "${folder}/trial.toml" --machine "${number}" \
      --run "${run}" --logs "${folder}" &
    pids+=("$!")
  done
  until grep -qs '^[0-9]' "${folder}/log20001.txt"; do :; done
  if [[ ${who} == asked ]]; then
    "${build}/scalemodel" health "${folder}" --watch=0 --span 1 >"${work}/said" 2>&1 &
    pids+=("$!")
    until grep -qs ' machines ' "${work}/said"; do :; done
  fi
  for pid in $(pgrep -f -- "--logs ${folder}\$"); do
    threads=$(find "/proc/${pid}/task" -mindepth 1 -maxdepth 1 | wc -l)
    ((threads <= most)) || most=${threads}
  done
  wait "${pids[@]:0:3}"
  awk -v who="${who}" -v threads="${most}" \
    '{ cpu += $1 + $2; switches += $3; if (memory < $4) memory = $4 }
    END { printf "%-7s %6.2f %9d %7d %8d", who, cpu, switches, memory, threads }' "${work}"/usage?
  awk '/^[0-9]/ { print $4 }' "${folder}"/log*.txt | sort -n |
    awk '{ late[NR] = $1 } END { printf " %6d %6d\n", late[int(NR / 2)], late[int(NR * 0.99)] }'
}

printf 'build who      cpu_s  switches  max_kB  threads    p50    p99\n'
for ((count = 1; count <= runs; count++)); do
  for place in "${!builds[@]}"; do
    for who in nobody asked; do
      "${builds[place]}/scalemodel" health --help >/dev/null 2>&1 || [[ ${who} == nobody ]] || continue
      printf '%5d ' "$((place + 1))"
      run_trial "${builds[place]}" "${who}"
    done
  done
done
