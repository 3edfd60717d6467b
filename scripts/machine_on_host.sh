#!/usr/bin/env bash
# Runs one machine on its host, and is for run_experiment.sh what the machine's own OS process is on
# this computer: it ends with its status, and ends it when it is told to end.
#
# All goes through one command that runs a shell there, 'ssh HOST' for example. Its input carries the
# far side (machine_there.sh), the program, the trial and the secret, and then stays open: when it
# ends, for whatever reason, the far side ends the machine and removes what it has made there. Its
# output is the log.
#
# Usage: scripts/machine_on_host.sh READY GATE LIFE GRACE_S PROGRAM FOLDER MACHINE HOST PORT WORD... -- OPTION...
#
# READY, GATE and LIFE are file descriptors: when all is there, a line is written to READY; the machine
# is started when a byte can be read from GATE; when LIFE ends, so does the machine. FOLDER holds the
# trial and the secret, and gets the log. The WORDs are the command, with {host} for HOST.

set -Eeuo pipefail

scripts=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
readonly scripts

ready=$1 gate=$2 life=$3 grace_s=$4 program=$5 folder=$6 machine=$7 host=$8 port=$9
shift 9
command=()
while [[ $1 != -- ]]; do
  command+=("${1//\{host\}/${host}}")
  shift
done
shift
options=("$@")
readonly ready gate life grace_s program folder machine host port command options
readonly log=${folder}/log${port}.txt

say() {
  printf 'machine %s on %s: %s\n' "${machine}" "${host}" "$*" >&2
}

# What the far side reads.
feed() {
  local file byte call=(serve_machine "${grace_s}" "${port}")
  local files=("${program}" "${folder}/trial.toml" "${folder}/secret")
  for file in "${files[@]}"; do
    call+=("$(wc -c <"${file}")")
  done
  cat -- "${scripts}/machine_there.sh"
  printf '%q ' "${call[@]}" "${options[@]}"
  # shellcheck disable=SC2016 # it is for the shell there
  printf '; exit "$?"\n'
  cat -- "${files[@]}"
  # No program does the rest: it would outlive this shell, and hold the input open.
  read -r -N 1 -u "${gate}" byte || return 0
  printf '%s' "${byte}"
  read -r -N 1 -u "${life}" byte || :
}

# Whether an OS process of this script has gone, within so many seconds.
has_gone() {
  local deadline=$((SECONDS + $2))
  while kill -s 0 "$1" 2>/dev/null; do
    ((SECONDS <= deadline)) || return 1
    read -r -t 0.02 <> <(:) || :
  done
}

# Called by the trap: the end of its input is what tells the far side to end.
is_ending=
# shellcheck disable=SC2317 # it is called by the trap
on_term() {
  is_ending=yes
  kill -s KILL "${feeder}" 2>/dev/null || :
}

# Waits until everything is there; passes on what else is said before.
await_ready() {
  local line
  while IFS= read -r line <&"${from}"; do
    [[ ${line} != ready ]] || return 0
    printf '%s\n' "${line}" >&2
  done
  return 1
}

main() {
  local status=0 copier input words
  trap '' INT HUP # who starts this tells it by TERM
  exec {input}< <(feed)
  feeder=$!
  # What is connected lives until its input ends, so it has a session of its own: nobody signals it
  # by the group of this process. It has a pipe for what it says, as ssh changes the mode of its
  # files, which others share.
  exec {words}> >(trap '' INT HUP TERM && exec cat >&2)
  speaker=$!
  exec {from}< <(exec setsid -- "${command[@]}" bash -s <&"${input}" 2>&"${words}" {words}>&-)
  connection=$!
  exec {input}<&- {words}>&-
  trap on_term TERM
  if ! await_ready; then
    give_up
  fi
  printf 'ready\n' >&"${ready}"
  (trap '' INT HUP TERM && exec cat <&"${from}" >"${log}") &
  copier=$!
  while kill -s 0 "${copier}" 2>/dev/null; do
    wait "${copier}" || : # a signal ends the wait
  done
  [[ -s ${log} ]] || rm -f -- "${log}"
  wait "${connection}" || status=$?
  kill -s KILL "${feeder}" 2>/dev/null || :
  has_gone "${speaker}" 2 || :
  if ((status == 255)); then
    say "the connection is lost ('${command[*]}' ended with status 255); its log so far is ${log}"
    exit 2
  fi
  exit "${status}"
}

# Ends what did not get ready, and says so.
give_up() {
  local status=0
  kill -s KILL "${feeder}" 2>/dev/null || :
  has_gone "${connection}" 2 || kill -s KILL "${connection}" 2>/dev/null || :
  wait "${connection}" || status=$?
  has_gone "${speaker}" 2 || :
  [[ -n ${is_ending} ]] || say "cannot be started there: '${command[*]} bash -s' ended with status" \
    "${status}; try it by hand, and see docs/hosts.md for what a host needs"
  exit 2
}

main
