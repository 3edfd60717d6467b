# Machines on other hosts: for run_experiment.sh, which has the rest.
#
# A machine on a host is run by machine_on_host.sh. Before any machine starts, all hosts must be
# ready: each tells it through one pipe, and then takes a byte from another, the gate. A third one,
# the life line, carries nothing: it ends when this script does, and all machines with it.
# shellcheck shell=bash
# shellcheck disable=SC2154 # what run_experiment.sh has

# How long it may take until all hosts are ready, in seconds.
readonly hosts_limit_s=120

# How long a host may take to end its machine and to bring the log back, beyond the machine's grace.
readonly bring_back_s=5

# The words of the command that reaches a host; none if all machines run on this computer.
way_to_hosts=()
# The pipes: where the hosts tell that they are ready; the ends of the gate, and of the life line.
ready=
gate_out=
gate_in=
life_out=
life_in=

take_way_to_hosts() {
  local how=$1
  [[ ${how} != ssh ]] || how='ssh -o BatchMode=yes -o ConnectTimeout=10 {host}'
  [[ ${how} == *'{host}'* ]] ||
    refuse "--hosts: found '$1', allowed: 'ssh', or a command with {host} in it"
  read -r -a way_to_hosts <<<"${how}"
  type -P "${way_to_hosts[0]}" >/dev/null ||
    refuse "--hosts: there is no program '${way_to_hosts[0]}' here"
  prepare_options+=(--hosts)
}

open_gate() {
  ((${#way_to_hosts[@]} > 0)) || return 0
  local both
  exec {ready}<> <(:)
  exec {both}<> <(:)
  exec {gate_out}<"/dev/fd/${both}" {gate_in}>"/dev/fd/${both}" {both}<&-
  exec {both}<> <(:)
  exec {life_out}<"/dev/fd/${both}" {life_in}>"/dev/fd/${both}" {both}<&-
}

# For those that this script starts: what it holds must end with it.
close_gate() {
  [[ -z ${gate_in} ]] || exec {gate_in}>&- {life_in}>&-
}

# become_machine_on_host FOLDER MACHINE HOSTS PORTS OPTION... - HOSTS and PORTS are of all machines.
become_machine_on_host() {
  local folder=$1 machine=$2 hosts ports
  IFS=, read -r -a hosts <<<"$3"
  IFS=, read -r -a ports <<<"$4"
  shift 4
  close_gate
  exec "${scripts}/machine_on_host.sh" "${ready}" "${gate_out}" "${life_out}" "${grace_s}" \
    "${scalemodel}-machine" "${folder}" "${machine}" "${hosts[machine - 1]}" \
    "${ports[machine - 1]}" "${way_to_hosts[@]}" -- "$@"
}

# Waits until all hosts are ready, and opens the gate. If one does not get ready, nothing is run.
await_hosts() {
  ((${#way_to_hosts[@]} > 0)) || return 0
  local deadline=$((SECONDS + hosts_limit_s)) count=0 all=${#trial_of[@]}
  # The hosts have a grace of their own.
  grace_s=$((grace_s + bring_back_s))
  while ((count < all)); do
    if read -r -t 0.1 -u "${ready}" _; then
      count=$((count + 1))
      continue
    fi
    [[ -z ${interrupted} ]] || return 0
    collect_dead
    ((${#failures_of[@]} == 0)) || give_hosts_up
    if ((deadline < SECONDS)); then
      say "run_experiment.sh: error: $((all - count)) of ${all} machines are not ready on their" \
        "hosts after ${hosts_limit_s} s; try '${way_to_hosts[*]} bash' by hand"
      give_hosts_up
    fi
  done
  printf "%${all}s" '' | tr ' ' g >&"${gate_in}"
}

# Ends all that have been prepared on hosts, and leaves nothing behind here either.
give_hosts_up() {
  local folder
  end_all
  wait_for_machines
  [[ -z ${interrupted} ]] || return 0
  for folder in "${folders[@]}"; do
    rm -f -- "${folder}/trial.toml" "${folder}/secret"
    rmdir -- "${folder}" || :
  done
  refuse "no machine was started, as not all hosts are ready"
}
