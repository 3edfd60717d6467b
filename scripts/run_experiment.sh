#!/usr/bin/env bash
# Runs trials: one OS process a machine, then the check, the table and the plots.
#
# It starts and stops things. Whatever needs thought, reading trial files included, is done by the
# scalemodel binary.

set -Eeuo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
readonly scripts=${root}/scripts
# shellcheck source=scripts/hosts.sh
source "${scripts}/hosts.sh"

# How long a machine that was told to end may take before it is killed, in seconds.
grace_s=5

# What is said while a picture stands below the cursor first clears it away; it is drawn again below.
clear=

usage() {
  cat <<'USAGE'
Usage: scripts/run_experiment.sh [OPTION]... TRIAL...

Runs each TRIAL, all of them side by side: launches every machine as an OS process of its own,
waits, checks the logs, prints a table, and plots. TRIAL is a trial file, or a resolved trial of
an earlier run (DIR/<trial>/trial.toml), which it repeats, or 'all': the notebook's nine.

Options:
  --seed N         the seed, instead of the trial's
  --duration S     the duration in model seconds, instead of the trial's
  --pace PACE      real: by the wall clock (default); virtual: as fast as causality permits
  --speed X        X model seconds pass in a second (default 1)
  --skip-after S   a machine that stood still for more than S seconds skips what it missed
                   (default 1; 0 = never)
  --connect-limit S
                   connecting and the common start may take S seconds (default 10): a hundred
                   machines on a slow or busy computer need more
  --realtime       ask for the priority of realtime, so that busy programs make no tick late; it is told
                   when that is not granted
  --hosts HOW      start each machine on its host: through ssh, if HOW is 'ssh', or else through a
                   command such as 'ip netns exec {host}'; the logs come back (docs/hosts.md)
  --logs DIR       where the logs go: DIR/<trial>/log<PORT>.txt (default: logs)
  --plots DIR      where the plots go: DIR/<trial>-clock.png and -queue.png (default: plots)
  --no-plots       draw nothing
  -h, --help       this text

Exit codes: 0 causality held; 1 it is violated; 2 a run is not whole, or nothing could be run.

Example:
  scripts/run_experiment.sh --speed 20 scripts/trials/trial5.toml
USAGE
}

say() {
  printf '%s%s\n' "${clear}" "$*" >&2
}

refuse() {
  say "run_experiment.sh: error: $*"
  exit 2
}

# --- what was asked for -----------------------------------------------------------------------

trials=()
prepare_options=()
machine_options=()
logs=${root}/logs
plots=${root}/plots
wants_plots=yes
if [[ ${PWD} == "${root}" ]]; then
  logs=logs
  plots=plots
fi

parse_arguments() {
  while (($# > 0)); do
    case $1 in
      --seed | --duration | --pace | --speed | --skip-after | --connect-limit | --hosts | --logs | \
        --plots)
        (($# > 1)) || refuse "$1 needs a value; see --help"
        take_option "$1" "$2"
        shift
        ;;
      --*=*) take_option "${1%%=*}" "${1#*=}" ;;
      --no-plots) wants_plots=no ;;
      --realtime) machine_options+=("$1") ;;
      -h | --help)
        usage
        exit 0
        ;;
      -*) refuse "unknown option $1; see --help" ;;
      all) trials+=("${scripts}/trials/"trial?.toml) ;;
      *) trials+=("$1") ;;
    esac
    shift
  done
  ((${#trials[@]} > 0)) || refuse "no trial is given; see --help"
}

take_option() {
  case $1 in
    --seed | --duration) prepare_options+=("$1" "$2") ;;
    --pace | --speed | --skip-after | --connect-limit) machine_options+=("$1" "$2") ;;
    --hosts) take_way_to_hosts "$2" ;;
    --logs) logs=$2 ;;
    --plots) plots=$2 ;;
    *) refuse "unknown option $1; see --help" ;;
  esac
}

# --- what must be there -----------------------------------------------------------------------

# The tool; its program of a machine, scalemodel-machine, stands beside it.
scalemodel=${SCALEMODEL:-${CARGO_TARGET_DIR:-${root}/target}/release/scalemodel}

# Builds the binary unless it is newer than its sources. SCALEMODEL names another one.
build_if_needed() {
  if [[ -n ${SCALEMODEL:-} ]]; then
    [[ -x ${SCALEMODEL} ]] || refuse "SCALEMODEL=${SCALEMODEL} is not a program"
    [[ -x ${SCALEMODEL}-machine ]] || refuse "${SCALEMODEL}-machine is missing beside ${SCALEMODEL}"
    return
  fi
  local newer=yes
  if [[ -x ${scalemodel} && -x ${scalemodel}-machine ]]; then
    newer=$(find "${root}/src" "${root}/Cargo.toml" "${root}/Cargo.lock" -type f \
      -newer "${scalemodel}" -print -quit)
  fi
  [[ -n ${newer} ]] || return 0
  command -v cargo >/dev/null || refuse "cargo is missing; install Rust: https://rustup.rs"
  say "building scalemodel ..."
  cargo build --release --quiet --manifest-path "${root}/Cargo.toml" ||
    refuse "scalemodel could not be built"
  touch -- "${scalemodel}" # cargo leaves it as it is if nothing that counts has changed
}

# Installs gnuplot where that is possible; a run without pictures is a run all the same.
ensure_gnuplot() {
  [[ ${wants_plots} == yes ]] || return 0
  "${scripts}/install.sh" gnuplot gnuplot-nox && return 0
  say "no plots will be drawn; --no-plots silences this"
  wants_plots=no
}

# --- machines ---------------------------------------------------------------------------------

# By OS process: the index of its trial, and which machine of it, or what else, it is.
declare -A trial_of=()
declare -A name_of=()
# By index of a trial: the OS process that inflicts its kills and pauses, if there is one. It starts
# again what it has killed, and answers for it.
declare -A inflictor_of=()
# By OS process of a timer: the index of the trial whose machines it kills.
declare -A timer_of=()
watcher=
# What prints the words of the machines above the picture of the runs, and where it takes them from.
printer=
words=2
# The signal that told this script to end.
interrupted=
# Nothing ever comes from here: to read it is to pause.
never=
# Set while machines are launched: until each is noted by its number, none can be told to end.
launching=

names=()
folders=()
# By index of a trial: what its machines ended with, when that was not success.
declare -A failures_of=()

# One experiment at a time in a folder of logs. The machines hold the lock too, so that it is there
# until the last of them has ended, whatever becomes of this script.
lock_logs() {
  mkdir -p -- "${logs}" || refuse "cannot make the folder ${logs}"
  exec {lock}>"${logs}/.lock" || refuse "cannot write into the folder ${logs}"
  flock --nonblock "${lock}" ||
    refuse "another run is using the folder ${logs}; wait for it, or name another with --logs"
}

launch_all() {
  local plan name folder machines run inflict hosts ports index machine pids
  local prepare=("${scalemodel}" prepare --logs "${logs}" "${prepare_options[@]}"
    "${machine_options[@]}" "${trials[@]}")
  "${prepare[@]}" --dry-run --quiet || exit 2
  lock_logs
  start_printer
  open_gate
  launching=yes
  plan=$("${prepare[@]}") || exit 2
  trap_signals
  while IFS=$'\t' read -r name folder machines run inflict hosts ports; do
    index=${#names[@]}
    names+=("${name}")
    folders+=("${folder}")
    say "running ${name}: ${machines} machines, logs in ${folder}"
    pids=
    for ((machine = 1; machine <= machines; machine++)); do
      [[ -z ${interrupted} ]] || break 2
      launch_machine "${folder}" "${machine}" "${run}" "${hosts}" "${ports}" </dev/null \
        >&"${words}" 2>&1 &
      trial_of[$!]=${index}
      name_of[$!]="machine ${machine}"
      pids+=${pids:+,}$!
    done
    if [[ ${inflict} == inflict ]]; then
      "${scalemodel}" inflict --trial "${folder}/trial.toml" --run "${run}" --logs "${folder}" \
        --pids "${pids}" "${machine_options[@]}" </dev/null >&"${words}" 2>&1 &
      trial_of[$!]=${index}
      name_of[$!]="what inflicts the faults"
      inflictor_of[${index}]=$!
    fi
  done <<<"${plan}"
  launching=
  if [[ -n ${interrupted} ]]; then
    end_all
    return
  fi
  await_hosts
  start_watcher
}

# Becomes a machine on this computer, or what runs one on its host.
launch_machine() {
  local folder=$1 machine=$2 run=$3 hosts=$4 ports=$5
  if [[ -n ${hosts} ]]; then
    become_machine_on_host "${folder}" "${machine}" "${hosts}" "${ports}" \
      --machine "${machine}" --run "${run}" "${machine_options[@]}"
  fi
  # All threads of a machine share one heap. With several, as the C library has it, a mesh of a hundred
  # takes a tenth longer to start and a twentieth more memory; and the threads mostly wait.
  export MALLOC_ARENA_MAX=${MALLOC_ARENA_MAX:-1}
  exec "${scalemodel}-machine" --trial "${folder}/trial.toml" --machine "${machine}" \
    --run "${run}" --logs "${folder}" "${machine_options[@]}"
}

# Shows the runs: as a picture on a terminal, as lines elsewhere.
start_watcher() {
  (
    [[ ${words} == 2 ]] || exec {words}>&-
    close_gate
    exec "${scalemodel}" watch "${folders[@]}" </dev/null >&2
  ) &
  watcher=$!
}

# On a terminal, what the machines say goes through here, so that it does not garble the picture. It
# ends with the last machine, whatever becomes of this script.
start_printer() {
  [[ -t 2 && -n ${TERM:-} && ${TERM} != dumb ]] || return 0
  clear=$'\r\e[J'
  exec {words}> >(
    trap '' INT TERM HUP
    while IFS= read -r line || [[ -n ${line} ]]; do
      say "${line}"
    done
  )
  printer=$!
}

# Ends the watcher when all has been said, and leaves the terminal as it was.
end_watcher() {
  if [[ -n ${printer} ]]; then
    exec {words}>&-
    words=2
    has_gone "${printer}" || :
    printer=
  fi
  if [[ -n ${watcher} ]]; then
    kill -s TERM "${watcher}" 2>/dev/null || : # it may have ended by itself
    if ! has_gone "${watcher}"; then
      kill -s KILL "${watcher}" 2>/dev/null || :
      printf '%s' "${clear:+${clear}$'\e[?25h'}" >&2
    fi
    wait "${watcher}" 2>/dev/null || :
    watcher=
  fi
  clear=
}

# Whether an OS process has gone, within a second or two.
has_gone() {
  local deadline=$((SECONDS + 2)) gone=no
  until [[ ${gone} == yes ]] || ((deadline < SECONDS)); do
    if kill -s 0 "$1" 2>/dev/null; then
      read -r -t 0.01 -u "${never}" || :
    else
      gone=yes
    fi
  done
  [[ ${gone} == yes ]]
}

# Waits for every machine. When one fails, the others of its trial are ended.
#
# It looks again and again who is gone: bash's 'wait -n' may lose a status when a trapped signal comes
# just before it, and then waits for ever.
wait_for_machines() {
  local pause=0.01
  while ((${#trial_of[@]} > 0)); do
    collect_dead
    read -r -t "${pause}" -u "${never}" || : # a signal ends the pause
    pause=0.05
  done
  stop_processes "${!timer_of[@]}"
  timer_of=()
}

# Notes the end of every OS process that is gone.
collect_dead() {
  local pid status
  for pid in "${!trial_of[@]}" "${!timer_of[@]}" ${watcher:+"${watcher}"}; do
    kill -s 0 "${pid}" 2>/dev/null && continue
    status=0
    wait "${pid}" 2>/dev/null || status=$?
    # A Ctrl-C of which a child has died is heeded, should bash have missed its own.
    ((status != 128 + 2)) || [[ -n ${interrupted} ]] || on_signal INT
    if [[ ${pid} == "${watcher}" ]]; then
      watcher=
    elif [[ -n ${trial_of[${pid}]:-} ]]; then
      note_end "${pid}" "${status}"
    elif [[ -n ${timer_of[${pid}]:-} ]]; then
      signal_trial KILL "${timer_of[${pid}]}"
      unset "timer_of[${pid}]"
    fi
  done
}

note_end() {
  local pid=$1 status=$2
  local index=${trial_of[${pid}]} who=${name_of[${pid}]} how
  unset "trial_of[${pid}]"
  ((status != 0)) || return 0
  if ((status == 128 + 9)) && [[ -n ${inflictor_of[${index}]:-} ]]; then
    return 0 # it was killed on purpose, or else the inflictor says that it was not
  fi
  how="exited with status ${status}"
  if ((status > 128)); then
    how="was ended by signal $(kill -l "$((status - 128))")"
  fi
  if [[ -z ${failures_of[${index}]:-} && -z ${interrupted} ]]; then
    end_trial "${index}"
  fi
  failures_of[${index}]+="${failures_of[${index}]:+, }${who} ${how}"
}

# Tells the machines of a trial to end, and sees to it that they do.
end_trial() {
  local index=$1
  signal_trial TERM "${index}"
  (close_gate && exec sleep "${grace_s}") &
  timer_of[$!]=${index}
}

signal_trial() {
  local signal=$1 index=$2 pid
  for pid in "${!trial_of[@]}"; do
    if [[ ${trial_of[${pid}]} == "${index}" ]]; then
      kill -s "${signal}" "${pid}" 2>/dev/null || : # it has just ended by itself
    fi
  done
}

# Removes the secrets of runs whose machines have all ended: nobody is to be let in any more.
forget_secrets() {
  local folder
  for folder in "${folders[@]}"; do
    rm -f -- "${folder}/secret"
  done
}

# Ends helpers of this script by their process numbers.
stop_processes() {
  local pid
  for pid in "$@"; do
    kill -s KILL "${pid}" 2>/dev/null || :
    wait "${pid}" 2>/dev/null || :
  done
}

# --- ways out ---------------------------------------------------------------------------------

# Called when there are machines to end. From here on this script substitutes no command and no process
# if it can be helped: bash parses them each time, and loses a trapped signal that comes meanwhile.
trap_signals() {
  trap 'on_signal INT' INT
  trap 'on_signal TERM' TERM
  trap 'on_signal HUP' HUP
}

# Tells all machines to end. What was interrupted goes on, finds them gone, and calls die_by_signal.
# shellcheck disable=SC2317 # it is called by the traps
on_signal() {
  trap '' INT TERM HUP
  interrupted=$1
  say "run_experiment.sh: interrupted; ending all machines"
  [[ -n ${launching} ]] || end_all
}

end_all() {
  local index
  for index in "${!names[@]}"; do
    end_trial "${index}"
  done
}

die_by_signal() {
  end_watcher
  say "run_experiment.sh: interrupted; the logs so far are in ${folders[*]}"
  trap - "${interrupted}" EXIT
  kill -s "${interrupted}" "$$"
}

# shellcheck disable=SC2317 # it is called by the trap
on_exit() {
  stop_processes "${!trial_of[@]}" "${!timer_of[@]}"
  end_watcher
  forget_secrets
}

# --- what came out ----------------------------------------------------------------------------

report_failures() {
  local index
  for index in "${!failures_of[@]}"; do
    say "${names[${index}]}: not whole: ${failures_of[${index}]}; its logs are in" \
      "${folders[${index}]}"
  done
}

draw_plots() {
  [[ ${wants_plots} == yes ]] || return 0
  local index kind picture
  for index in "${!names[@]}"; do
    for kind in clock queue; do
      picture=${plots}/${names[${index}]}-${kind}.png
      gnuplot -c "${scripts}/plot_${kind}.gp" "${picture}" "${folders[${index}]}" "${scalemodel}" ||
        refuse "the plot ${picture} could not be drawn"
      say "plotted ${picture}"
    done
  done
}

main() {
  parse_arguments "$@"
  build_if_needed
  ensure_gnuplot
  [[ ${wants_plots} == no ]] || mkdir -p -- "${plots}" ||
    refuse "cannot make the folder of the plots, ${plots}"
  trap on_exit EXIT
  exec {never}<> <(:)
  launch_all
  wait_for_machines
  forget_secrets
  [[ -z ${interrupted} ]] || die_by_signal
  end_watcher
  report_failures
  local verdict=0
  "${scalemodel}" check "${folders[@]}" || verdict=$?
  "${scalemodel}" stats "${folders[@]}" || verdict=2
  draw_plots
  if ((verdict == 0 && ${#failures_of[@]} > 0)); then
    verdict=2
  fi
  exit "${verdict}"
}

main "$@"
