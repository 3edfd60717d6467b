# The far side of scripts/machine_on_host.sh, which has bash read this from its standard input on the
# machine's host. Behind the call come the files that are to be taken, then a byte that means go, and
# then nothing: the end of the input ends the machine.
#
# On its standard output it says 'ready', and then copies the machine's log, as it grows. What the
# machine and the tools here say goes to the standard error.
# shellcheck shell=bash

# serve_machine GRACE_S PORT LENGTH_OF_PROGRAM LENGTH_OF_TRIAL LENGTH_OF_SECRET MACHINE_OPTION...
serve_machine() {
  local grace_s=$1 port=$2 lengths=("${@:3:3}") go machine guard status=0
  shift 5
  umask 077
  trap '' HUP INT PIPE TERM # the end of the input is what counts
  exec 3<&0
  here=$(mktemp -d "${TMPDIR:-/tmp}/scalemodel.XXXXXX") || return 2
  trap 'rm -rf -- "${here}"' EXIT
  take scalemodel-machine "${lengths[0]}" && take trial.toml "${lengths[1]}" &&
    take secret "${lengths[2]}" || return 2
  chmod u+x -- "${here}/scalemodel-machine" || return 2
  "${here}/scalemodel-machine" --version >/dev/null || return 2
  echo ready
  read -r -N 1 -u 3 go && [[ ${go} == g ]] || return 2
  export MALLOC_ARENA_MAX=${MALLOC_ARENA_MAX:-1} # as in launch_machine of run_experiment.sh
  "${here}/scalemodel-machine" --trial "${here}/trial.toml" --logs "${here}" "$@" \
    </dev/null >&2 3<&- &
  machine=$!
  guard_machine "${machine}" "${grace_s}" >/dev/null 2>&1 &
  guard=$!
  disown "${guard}" # the shell has no word to say when it is ended
  {
    tail --pid="${machine}" -s 0.1 -c +1 -F "${here}/log${port}.txt" 3<&-
    wait "${machine}" || status=$?
  } 2>/dev/null
  kill -s KILL "${guard}" 2>/dev/null
  return "${status}"
}

# take NAME LENGTH - takes a file from the input.
take() {
  head -c "$2" >"${here}/$1" && (($(wc -c <"${here}/$1") == $2))
}

# Ends the machine when the input ends.
guard_machine() {
  local rest
  read -r -N 1 -u 3 rest
  kill -s TERM "$1"
  read -r -t "$2" <> <(:)
  kill -s KILL "$1"
}
