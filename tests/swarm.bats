#!/usr/bin/env bats
# scripts/swarm.sh: a few schedules at each pace, and what it refuses. SCALEMODEL names the binary
# under test.

bats_require_minimum_version 1.5.0

swarm() {
  "${BATS_TEST_DIRNAME}/../scripts/swarm.sh" --host "127.22.${BATS_TEST_NUMBER}.1" "$@"
}

@test "schedules at both paces hold" {
  run --separate-stderr swarm --schedules 12 --seconds 600
  [[ ${status} -eq 0 ]]
  [[ ${output} == "12 schedules at the virtual pace, seeds 1 to 12: 0 do not hold" ]]
  run --separate-stderr swarm --pace real --speed 2 --seconds 600 --first-seed 13 --schedules 5
  [[ ${status} -eq 0 ]]
  [[ ${output} == "5 schedules at the real pace, seeds 13 to 17: 0 do not hold" ]]
}

@test "what cannot be run is refused" {
  for wrong in '--pace fast' '--schedules many' '--schedules 0' '--fast 1' '--seconds'; do
    # shellcheck disable=SC2086 # these are several arguments
    run --separate-stderr swarm ${wrong}
    [[ ${status} -eq 2 && ${stderr} == "swarm.sh: error: "* && -z ${output} ]]
  done
}
