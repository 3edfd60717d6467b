#!/usr/bin/env bats
# scripts/run_experiment.sh, as a user meets it. SCALEMODEL names the binary under test.

bats_require_minimum_version 1.5.0

setup() {
  root=$(cd "${BATS_TEST_DIRNAME}/.." && pwd)
  work=${BATS_TEST_TMPDIR}
  # A loopback address of its own for every test.
  host=127.21.${BATS_TEST_NUMBER}.1
  trial=${work}/small.toml
  write_trial "${trial}" small 60 20001
  cd "${root}" || return 1
}

# write_trial FILE NAME DURATION_S FIRST_PORT
write_trial() {
  cat >"$1" <<TOML
name = "$2"
duration_s = $3
draw_range = 10
seed = 5

[[machine]]
host = "${host}"
port = $4
clock_rate = 5
phase = 100

[[machine]]
host = "${host}"
port = $(($4 + 1))
clock_rate = 1
phase = 500

[[machine]]
host = "${host}"
port = $(($4 + 2))
clock_rate = 5
phase = 900
TOML
}

experiment() {
  scripts/run_experiment.sh --logs "${work}/logs" --plots "${work}/plots" --skip-after 0 "$@"
}

# Starts the script as a terminal's shell does: with INT at its default, in a process group of its
# own. It becomes the process itself, so that its number is the script's.
start_experiment() {
  exec perl -e '$SIG{INT} = "DEFAULT"; setpgrp; exec @ARGV' scripts/run_experiment.sh \
    --logs "${work}/logs" --no-plots --skip-after 0 "$@"
}

# wait_until CONDITION... - or fail after a minute.
wait_until() {
  local deadline=$((SECONDS + 60))
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    read -r -t 0.02 <> <(:) || :
  done
}

ticks_are_logged() {
  local log
  for log in 20001 20002 20003; do
    [[ $(grep -c '^[0-9]' "${work}/logs/small/log${log}.txt" 2>/dev/null) -gt 1 ]] || return 1
  done
}

# The OS processes of the machines of this test, by the folder of their logs.
machines() {
  pgrep -f -- "--logs ${work}/logs" || :
}

no_machine_is_left() {
  [[ -z $(machines) ]]
}

@test "a trial is run, checked, tabulated and plotted" {
  run --separate-stderr experiment --speed 60 "${trial}"
  [[ ${status} -eq 0 ]]
  [[ ${output} == *"logs/small: holds"* ]]
  [[ ${output} == *"queue at the end"* ]]
  [[ -s ${work}/plots/small-clock.png && -s ${work}/plots/small-queue.png ]]
  [[ -s ${work}/logs/small/trial.toml && -s ${work}/logs/small/log20002.txt ]]
  no_machine_is_left
}

@test "trials run side by side and give one table" {
  write_trial "${work}/other.toml" other 30 20011
  run --separate-stderr experiment --no-plots --speed 60 "${trial}" "${work}/other.toml"
  [[ ${status} -eq 0 ]]
  [[ ${output} == *"logs/small: holds"*"logs/other: holds"* ]]
  [[ $(grep -c 'done/due' <<<"${output}") -eq 1 ]]
  [[ ! -e ${work}/plots ]]
}

@test "an immediate second run works, repeats the trial, and moves the first aside" {
  experiment --no-plots --speed 60 --seed 77 --duration 20 "${trial}"
  run --separate-stderr experiment --no-plots --speed 60 "${work}/logs/small/trial.toml"
  [[ ${status} -eq 0 ]]
  [[ ${stderr} == *"the earlier run is moved to ${work}/logs/small.20"* ]]
  grep -qx 'seed = 77' "${work}/logs/small/trial.toml"
  grep -qx 'duration_s = 20' "${work}/logs/small/trial.toml"
  # Both runs drew the same: the draws of a seed are the same whatever the pace.
  draws() { awk '/^[0-9]/ && $10 != "-" { print $10 }' "$1" | head -n 20; }
  [[ $(draws "${work}/logs/small/log20001.txt") == $(draws "${work}"/logs/small.20*/log20001.txt) ]]
}

@test "a port that is taken is refused with the reason, before any start" {
  start_experiment "${trial}" 2>"${work}/first" &
  local first=$!
  wait_until ticks_are_logged
  run --separate-stderr experiment --no-plots --logs "${work}/others" "${trial}"
  [[ ${status} -eq 2 ]]
  [[ ${stderr} == *"machine 1 of small cannot listen on ${host}:20001: Address already in use"* ]]
  [[ ! -e ${work}/others ]]
  kill -TERM "${first}"
  local status=0
  wait "${first}" || status=$?
  [[ ${status} -eq 143 ]]
  no_machine_is_left
}

@test "a port that two trials share is refused before any start" {
  write_trial "${work}/other.toml" other 30 20003
  run --separate-stderr experiment --no-plots "${trial}" "${work}/other.toml"
  [[ ${status} -eq 2 ]]
  [[ ${stderr} == *"machine 1 of other and machine 3 of small both listen on ${host}:20003"* ]]
  [[ ! -e ${work}/logs ]]
}

@test "a run can be asked for its health while it lasts, and its secret goes with it" {
  local scalemodel=${SCALEMODEL:-target/release/scalemodel}
  start_experiment --speed 5 "${trial}" 2>"${work}/err" &
  local script=$!
  wait_until ticks_are_logged
  [[ $(stat -c %a "${work}/logs/small/secret") -eq 600 ]]
  run "${scalemodel}" health "${work}/logs/small" --span 1 --late 60000
  [[ ${status} -lt 2 ]] # machine 2 is too slow for its messages, as soon as one waits
  [[ ${output} == *"machines     healthy"*"channels     healthy"*"propagation  healthy"* ]]
  wait "${script}"
  [[ ! -e ${work}/logs/small/secret ]]
  run "${scalemodel}" health "${work}/logs/small"
  [[ ${status} -eq 2 && ${output} == *"there is no secret"* ]]
}

@test "a killed machine ends its trial, and the others go on" {
  write_trial "${work}/other.toml" other 60 20011
  start_experiment --speed 10 "${trial}" "${work}/other.toml" \
    >"${work}/out" 2>"${work}/err" &
  local script=$!
  wait_until ticks_are_logged
  kill -KILL "$(pgrep -f -- "--machine 2 .*--logs ${work}/logs/small")"
  local status=0
  wait "${script}" || status=$?
  [[ ${status} -eq 2 ]]
  grep -q 'small: not whole: .*machine 2 was ended by signal KILL' "${work}/err"
  grep -q 'logs/small: cannot say' "${work}/out"
  grep -q 'logs/other: holds' "${work}/out"
  [[ $(find "${work}/logs/small" -name 'log*.txt' | wc -l) -eq 3 ]]
  # Those that the script told to end had the time to say why.
  [[ $(grep -l '^# end: ' "${work}"/logs/small/log*.txt | wc -l) -eq 2 ]]
  no_machine_is_left
}

# fault KIND AT_MS FOR_MS MACHINE
fault() {
  printf '\n[[fault]]\nkind = "%s"\nat_ms = %s\nfor_ms = %s\nmachine = %s\n' "$@" >>"${trial}"
}

@test "what the trial kills is started again, and the run holds, at both paces" {
  fault kill 10000 5000 '[1, 2]'
  fault pause 30080 5000 3 # halfway between two of its ticks
  fault kill 40000 5000 1
  for pace in '--speed 4' '--pace virtual'; do
    # shellcheck disable=SC2086 # an option and its value
    run --separate-stderr experiment --no-plots ${pace} "${trial}"
    [[ ${status} -eq 0 ]]
    [[ ${output} == *"logs/small: holds"* ]]
    [[ $(grep -c '^# restart: ' "${work}/logs/small/log20001.txt") -eq 2 ]]
    grep -q '^# fault: number=2 kind=pause hits=1 ' "${work}/logs/small/log20003.txt"
  done
}

@test "a machine that dies although the trial does not kill it ends the run" {
  fault kill 50000 5000 1
  start_experiment "${trial}" >"${work}/out" 2>"${work}/err" &
  local script=$!
  wait_until ticks_are_logged
  kill -KILL "$(pgrep -f -- "--machine 2 .*--logs ${work}/logs/small")"
  local status=0
  wait "${script}" || status=$?
  [[ ${status} -eq 2 ]]
  grep -q 'machine 2 has died, and the trial did not kill it' "${work}/err"
  grep -q 'small: not whole: what inflicts the faults exited with status 2' "${work}/err"
  no_machine_is_left
}

@test "a machine that cannot even be told to end is killed" {
  start_experiment "${trial}" >"${work}/out" 2>"${work}/err" &
  local script=$!
  wait_until ticks_are_logged
  kill -STOP "$(pgrep -f -- "--machine 3 .*--logs ${work}/logs/small")"
  kill -KILL "$(pgrep -f -- "--machine 2 .*--logs ${work}/logs/small")"
  local status=0
  wait "${script}" || status=$?
  [[ ${status} -eq 2 ]]
  grep -q 'machine 3 was ended by signal KILL' "${work}/err"
  no_machine_is_left
}

@test "Ctrl-C while machines are being launched ends the run" {
  local number trials=()
  for number in 1 2 3 4; do
    write_trial "${work}/t${number}.toml" "t${number}" 3600 "2${number}001"
    trials+=("${work}/t${number}.toml")
  done
  mkfifo "${work}/told"
  start_experiment "${trials[@]}" 2>"${work}/told" &
  local script=$! line status=0
  exec {told}<"${work}/told"
  until read -r line <&"${told}" && [[ ${line} == 'running t2'* ]]; do :; done
  kill -INT -- "-${script}"
  timeout 60 cat <&"${told}" >"${work}/err" # until everyone who could say something is gone
  exec {told}<&-
  wait "${script}" || status=$?
  [[ ${status} -eq 130 ]]
  no_machine_is_left
  grep -q 'interrupted; ending all machines' "${work}/err"
}

@test "Ctrl-C leaves no process and no taken port behind, and keeps the logs" {
  start_experiment "${trial}" 2>"${work}/err" &
  local script=$! status=0
  wait_until ticks_are_logged
  kill -INT -- "-${script}" # as a terminal does: to the whole group
  wait "${script}" || status=$?
  [[ ${status} -eq 130 ]]
  no_machine_is_left
  grep -q 'interrupted; ending all machines' "${work}/err"
  grep -q '^# end: why=' "${work}/logs/small/log20001.txt"
  run --separate-stderr experiment --no-plots --speed 60 "${trial}"
  [[ ${status} -eq 0 ]]
}

@test "two experiments in one folder of logs do not meet" {
  start_experiment "${trial}" 2>"${work}/first" &
  local first=$! status=0
  wait_until ticks_are_logged
  write_trial "${work}/other.toml" other 30 20011
  run --separate-stderr experiment --no-plots "${work}/other.toml"
  [[ ${status} -eq 2 ]]
  [[ ${stderr} == *"another run is using the folder ${work}/logs"* ]]
  kill -TERM "${first}"
  wait "${first}" || :
  no_machine_is_left
}

@test "a bad option of the machines changes nothing on disk" {
  experiment --no-plots --speed 60 "${trial}"
  run --separate-stderr experiment --no-plots --speed 0 "${trial}"
  [[ ${status} -eq 2 ]]
  [[ ${stderr} == *"invalid value '0' for '--speed <X>'"* ]]
  [[ -s ${work}/logs/small/log20001.txt ]]
  touch "${work}/file"
  run --separate-stderr experiment --plots "${work}/file" "${trial}"
  [[ ${status} -eq 2 ]]
  [[ ${stderr} == *"cannot make the folder of the plots, ${work}/file"* ]]
}

@test "a bad trial is refused with file, line and key" {
  sed -i 's/clock_rate = 1/clock_rate = 0/' "${trial}"
  run --separate-stderr experiment "${trial}"
  [[ ${status} -eq 2 ]]
  [[ ${stderr} == *"small.toml:15: clock_rate: found 0, allowed: a whole number in 1..=10000"* ]]
  [[ ! -e ${work}/logs ]]
}

@test "every machine is told how long connecting may take" {
  run --separate-stderr experiment --no-plots --connect-limit 0 "${trial}"
  [[ ${status} -eq 2 ]]
  [[ ${stderr} == *"within 0 s (--connect-limit)"* ]]
}

@test "a bad option is refused, and --help helps" {
  run --separate-stderr scripts/run_experiment.sh --sped 60 "${trial}"
  [[ ${status} -eq 2 ]]
  [[ ${stderr} == *"unknown option --sped; see --help"* ]]
  run --separate-stderr experiment --speed fast "${trial}"
  [[ ${status} -eq 2 ]]
  [[ ${stderr} == *"invalid value 'fast' for '--speed <X>'"* ]]
  run --separate-stderr experiment --connect-limit never "${trial}"
  [[ ${status} -eq 2 ]]
  [[ ${stderr} == *"invalid value 'never' for '--connect-limit <S>'"* ]]
  [[ ${stderr} != *running* ]]
  run --separate-stderr scripts/run_experiment.sh
  [[ ${status} -eq 2 ]]
  run --separate-stderr scripts/run_experiment.sh --help
  [[ ${status} -eq 0 ]]
  [[ ${output} == "Usage: scripts/run_experiment.sh "* ]]
}

@test "the plots are drawn as PNG and SVG, for three machines and for twenty" {
  run --separate-stderr experiment --no-plots --speed 60 "${trial}"
  local log=${work}/logs/small/log20001.txt kind ending
  mkdir "${work}/twenty"
  for machine in {1..20}; do
    sed "s/^# machine: 1/# machine: $((1 + machine % 3))/" "${log}" \
      >"${work}/twenty/log$((20000 + machine)).txt"
  done
  for kind in clock queue; do
    for ending in png svg; do
      gnuplot -c "scripts/plot_${kind}.gp" "${work}/three.${ending}" "${work}/logs/small"
      gnuplot -c "scripts/plot_${kind}.gp" "${work}/twenty.${ending}" "${work}/twenty"
      [[ -s ${work}/three.${ending} && -s ${work}/twenty.${ending} ]]
    done
    grep -q 'machine 2, 1/s' "${work}/three.svg"
  done
  run gnuplot -c scripts/plot_clock.gp "${work}/x.png" "${work}/nowhere"
  [[ ${status} -ne 0 ]]
  run gnuplot -c scripts/plot_clock.gp "${work}/x.gif" "${work}/logs/small"
  [[ ${status} -ne 0 ]]
}
