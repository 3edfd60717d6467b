#!/usr/bin/env bats
# Machines on several hosts: network namespaces, each with an address of its own, and an sshd on
# loopback. SCALEMODEL names the binary under test.
#
# The addresses of the namespaces are of 198.18.0.0/15, which is set apart for tests of networks
# (RFC 2544), and no device of this computer's own gets one.

bats_require_minimum_version 1.5.0

setup_file() {
  export bin=${BATS_FILE_TMPDIR}/bin tag=$(($$ % 500))
  export net=198.$((18 + tag / 250)).$((tag % 250))
  # A program of a machine without its debugging symbols is sent in a moment.
  mkdir "${bin}"
  ln -s "${SCALEMODEL}" "${bin}/scalemodel"
  strip -o "${bin}/scalemodel-machine" "${SCALEMODEL}-machine" ||
    cp "${SCALEMODEL}-machine" "${bin}/scalemodel-machine"
  export SCALEMODEL=${bin}/scalemodel
  export why_not=
  ((EUID == 0)) && type -P ip && make_namespaces || why_not='network namespaces need root, and ip'
}

make_namespaces() {
  ip link add "smb${tag}" type bridge && ip link set "smb${tag}" up || return 1
  local host
  for host in 1 2 3; do
    ip netns add "${net}.${host}" &&
      ip link add "smv${tag}-${host}" type veth peer name eth0 netns "${net}.${host}" &&
      ip link set "smv${tag}-${host}" master "smb${tag}" up &&
      ip -n "${net}.${host}" address add "${net}.${host}/24" dev eth0 &&
      ip -n "${net}.${host}" link set lo up &&
      ip -n "${net}.${host}" link set eth0 up || return 1
  done
}

teardown_file() {
  local host
  for host in 1 2 3; do
    ip link delete "smv${tag}-${host}" || :
    ip netns delete "${net}.${host}" || :
  done 2>/dev/null
  ip link delete "smb${tag}" 2>/dev/null || :
}

setup() {
  root=$(cd "${BATS_TEST_DIRNAME}/.." && pwd)
  work=${BATS_TEST_TMPDIR}
  trial=${work}/apart.toml
  # Where a host keeps what it is sent.
  export TMPDIR=${work}/there
  mkdir "${TMPDIR}"
  cd "${root}" || return 1
}

teardown() {
  if [[ -s ${work}/sshd.pid ]]; then
    kill "$(<"${work}/sshd.pid")"
  fi
}

# write_trial HOST... - three machines.
write_trial() {
  printf 'name = "apart"\nduration_s = 60\ndraw_range = 10\nseed = 5\n' >"${trial}"
  local host machine=0 rates=(5 1 5)
  for host in "$@"; do
    printf '\n[[machine]]\nhost = "%s"\nport = %s\nclock_rate = %s\nphase = 500\n' \
      "${host}" $((21001 + machine)) "${rates[machine]}" >>"${trial}"
    machine=$((machine + 1))
  done
}

write_trial_of_namespaces() {
  [[ -z ${why_not} ]] || skip "${why_not}"
  write_trial "${net}.1" "${net}.2" "${net}.3"
}

experiment() {
  scripts/run_experiment.sh --logs "${work}/logs" --no-plots --skip-after 0 "$@"
}

# Starts the script as a terminal's shell does: with INT at its default, in a process group of its
# own. It becomes the process itself, so that its number is the script's and the group's.
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

# ticks_are_logged COUNT - by every machine, in the logs on this computer.
ticks_are_logged() {
  local port
  for port in 21001 21002 21003; do
    (($(grep -c '^[0-9]' "${work}/logs/apart/log${port}.txt" 2>/dev/null) >= $1)) || return 1
  done
}

# By the folders and the OS processes of this test.
nothing_is_left() {
  local host pids
  for host in 1 2 3; do
    pids=$(ip netns pids "${net}.${host}" 2>/dev/null) || :
    [[ -z ${pids} ]] || return 1
  done
  [[ -z $(ls "${TMPDIR}") && -z $(pgrep -f -- "${work}/logs|${TMPDIR}") ]]
}

# Whether a connection from the first host to the machine on the second can be made.
can_reach() {
  timeout 1 ip netns exec "${net}.1" bash -c "exec 4<>/dev/tcp/${net}.2/21002" 2>/dev/null
}

cannot_reach() {
  ! can_reach
}

# Whether the offset of the clocks that a log tells of is 0, as far as is known.
clocks_agree() {
  awk -F'[= ]' '/^# clock_offset: / { found = 1; exit !($4 <= $6 && -$4 <= $6) }
    END { if (!found) exit 1 }' "$1"
}

@test "machines on three hosts: the logs come back, and the run holds, at both paces" {
  write_trial_of_namespaces
  for pace in '--speed 30' '--pace virtual'; do
    # shellcheck disable=SC2086 # an option and its value
    run --separate-stderr experiment ${pace} --hosts 'ip netns exec {host}' "${trial}"
    [[ ${status} -eq 0 ]]
    [[ ${output} == *"logs/apart: holds"*"3 machines, 660 events"* ]]
    grep -q '^# end: why=finished ' "${work}/logs/apart/log21002.txt"
    # The hosts share the clock of this computer.
    [[ ${pace} == *virtual ]] || for port in 21002 21003; do
      clocks_agree "${work}/logs/apart/log${port}.txt"
    done
    nothing_is_left
  done
}

@test "a host that is cut off in mid-run and healed loses nothing" {
  write_trial_of_namespaces
  start_experiment --speed 6 --hosts 'ip netns exec {host}' "${trial}" \
    >"${work}/out" 2>"${work}/err" &
  local script=$! status=0
  wait_until ticks_are_logged 5
  wait_until can_reach
  ip link set "smv${tag}-2" down
  cannot_reach
  wait_until ticks_are_logged 15
  cannot_reach
  ip link set "smv${tag}-2" up
  wait_until can_reach
  wait "${script}" || status=$?
  [[ ${status} -eq 0 ]]
  grep -q 'logs/apart: holds' "${work}/out"
  nothing_is_left
}

@test "an interrupted run ends its machines on all hosts, and brings the logs back" {
  write_trial_of_namespaces
  for signal in INT TERM; do
    rm -rf "${work}/logs"
    start_experiment --hosts 'ip netns exec {host}' "${trial}" 2>"${work}/err" &
    local script=$! status=0
    wait_until ticks_are_logged 1
    kill -s "${signal}" -- "-${script}" # as a terminal does: the whole group
    wait "${script}" || status=$?
    [[ ${status} -eq $((128 + $(kill -l "${signal}"))) ]]
    [[ $(grep -lE '^# end: why=(interrupted|peer-left)' "${work}"/logs/apart/log*.txt | wc -l) -eq 3 ]]
    nothing_is_left
  done
}

@test "when the script is killed, the machines on all hosts end, and the logs come back" {
  write_trial_of_namespaces
  start_experiment --hosts 'ip netns exec {host}' "${trial}" 2>"${work}/err" &
  local script=$!
  wait_until ticks_are_logged 1
  run ! nothing_is_left
  kill -KILL "${script}"
  wait_until nothing_is_left
  [[ $(grep -lE '^# end: why=(interrupted|peer-left)' "${work}"/logs/apart/log*.txt | wc -l) -eq 3 ]]
}

@test "a machine that is killed on its host ends the run, and the logs so far are there" {
  write_trial_of_namespaces
  start_experiment --hosts 'ip netns exec {host}' "${trial}" >"${work}/out" 2>"${work}/err" &
  local script=$! status=0
  wait_until ticks_are_logged 1
  kill -KILL "$(pgrep -f "^${TMPDIR}/.*scalemodel-machine .*--machine 2 ")"
  wait "${script}" || status=$?
  [[ ${status} -eq 2 ]]
  grep -q 'apart: not whole: machine 2 was ended by signal KILL' "${work}/err"
  grep -q 'logs/apart: cannot say' "${work}/out"
  ticks_are_logged 1
  nothing_is_left
}

@test "when a host cannot be reached, it is named, and nothing is started or left behind" {
  write_trial_of_namespaces
  sed -i "s/${net}.2/${net}.99/" "${trial}"
  run --separate-stderr experiment --hosts 'ip netns exec {host}' "${trial}"
  [[ ${status} -eq 2 ]]
  [[ ${stderr} == *"machine 2 on ${net}.99: cannot be started there: 'ip netns exec ${net}.99 bash"* ]]
  [[ ${stderr} == *"no machine was started, as not all hosts are ready"* ]]
  [[ -z ${output} && ! -e ${work}/logs/apart ]]
  nothing_is_left
}

@test "a machine that cannot listen on its host says so" {
  write_trial_of_namespaces
  # The host of machine 3 is another than where it is started.
  run --separate-stderr experiment --hosts "env ip netns exec ${net}.1 env HOST={host}" "${trial}"
  [[ ${status} -eq 2 ]]
  [[ ${stderr} == *"cannot listen on ${net}.3:21003: Cannot assign requested address"* ]]
  nothing_is_left
}

start_sshd() {
  type -P sshd ssh ssh-keygen || skip 'there is no sshd here'
  local key
  for key in of_host of_user; do
    ssh-keygen -q -t ed25519 -N '' -f "${work}/${key}"
  done
  cp "${work}/of_user.pub" "${work}/authorized"
  printf '%s\n' "Port $1" "ListenAddress 127.98.1.1" "ListenAddress 127.98.2.1" \
    "ListenAddress 127.98.3.1" "HostKey ${work}/of_host" "AuthorizedKeysFile ${work}/authorized" \
    "PidFile ${work}/sshd.pid" 'StrictModes no' 'UsePAM no' 'PasswordAuthentication no' \
    'PermitRootLogin prohibit-password' "SetEnv TMPDIR=${TMPDIR}" >"${work}/sshd_config"
  printf '[127.98.*.1]:%s %s\n' "$1" "$(<"${work}/of_host.pub")" >"${work}/known"
  printf '%s\n' "Port $1" "IdentityFile ${work}/of_user" 'IdentitiesOnly yes' 'BatchMode yes' \
    "UserKnownHostsFile ${work}/known" >"${work}/ssh_config"
  ((EUID != 0)) || mkdir -p /run/sshd # where sshd shuts itself in
  "$(type -P sshd)" -f "${work}/sshd_config" -E "${work}/sshd.log" 3>&-
  wait_until test -s "${work}/sshd.pid"
}

@test "machines on hosts that are reached through ssh: the run holds" {
  start_sshd 21090
  write_trial 127.98.1.1 127.98.2.1 127.98.3.1
  run --separate-stderr experiment --speed 20 --hosts "ssh -F ${work}/ssh_config {host}" "${trial}"
  [[ ${status} -eq 0 ]]
  [[ ${output} == *"logs/apart: holds"*"3 machines, 660 events"* ]]
  nothing_is_left
}

@test "an interrupted run through ssh ends its machines, and brings the logs back" {
  start_sshd 21091
  write_trial 127.98.1.1 127.98.2.1 127.98.3.1
  start_experiment --hosts "ssh -F ${work}/ssh_config {host}" "${trial}" 2>"${work}/err" &
  local script=$! status=0
  wait_until ticks_are_logged 1
  kill -s INT -- "-${script}"
  wait "${script}" || status=$?
  [[ ${status} -eq 130 ]]
  [[ $(grep -lE '^# end: why=(interrupted|peer-left)' "${work}"/logs/apart/log*.txt | wc -l) -eq 3 ]]
  wait_until nothing_is_left
}

@test "when nothing answers ssh, the host is named" {
  type -P ssh || skip 'there is no ssh here'
  write_trial 127.98.1.1 127.98.2.1 127.98.3.1
  run --separate-stderr experiment --hosts 'ssh -o BatchMode=yes -p 21092 {host}' "${trial}"
  [[ ${status} -eq 2 ]]
  [[ ${stderr} == *"127.98.3.1 port 21092: Connection refused"* ]]
  [[ ${stderr} == *"cannot be started there: 'ssh -o BatchMode=yes -p 21092 127.98."* ]]
  [[ ! -e ${work}/logs/apart ]]
}

@test "what cannot be done on other hosts is refused before anything is changed" {
  write_trial 192.0.2.1 192.0.2.2 192.0.2.3
  run --separate-stderr experiment --hosts 'ip netns exec' "${trial}"
  [[ ${status} -eq 2 ]]
  [[ ${stderr} == *"--hosts: found 'ip netns exec', allowed: 'ssh', or a command with {host} in it"* ]]
  run --separate-stderr experiment --hosts 'no-such-program {host}' "${trial}"
  [[ ${status} -eq 2 ]]
  [[ ${stderr} == *"--hosts: there is no program 'no-such-program' here"* ]]
  printf '\n[[fault]]\nkind = "pause"\nat_ms = 1000\nfor_ms = 1000\nmachine = 2\n' >>"${trial}"
  run --separate-stderr experiment --hosts 'env HOST={host}' "${trial}"
  [[ ${status} -eq 2 ]]
  [[ ${stderr} == *"apart: a fault kills or pauses machine 2"*"leave out --hosts"* ]]
  [[ ! -e ${work}/logs ]]
}
