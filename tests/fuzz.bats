#!/usr/bin/env bats
# scripts/fuzz.sh: what it takes and refuses. Fuzzing itself is no test: it has no end.

bats_require_minimum_version 1.5.0

root=$(cd -- "${BATS_TEST_DIRNAME}/.." && pwd)
fuzz=${root}/fuzz

@test "every target has its program, its seeds and its dictionary" {
  for file in "${fuzz}"/fuzz_targets/*.rs; do
    target=$(basename -- "${file}" .rs)
    grep -qF "path = \"fuzz_targets/${target}.rs\"" "${fuzz}/Cargo.toml"
    [[ -n $(ls -A -- "${fuzz}/seeds/${target}") ]]
    [[ -s ${fuzz}/dictionaries/${target}.dict ]]
  done
}

@test "help names the targets" {
  run --separate-stderr "${root}/scripts/fuzz.sh" --help
  [[ ${status} == 0 && ${output} == *"  log_reader"* && ${output} == *"  wire_decoder"* ]]
}

@test "what cannot be run is refused before anything is built" {
  for wrong in '0' 'no_target' '60 no_target' '--fast'; do
    # shellcheck disable=SC2086 # these are several arguments
    run --separate-stderr "${root}/scripts/fuzz.sh" ${wrong}
    [[ ${status} == 2 && ${stderr} == "fuzz.sh: error: "* && -z ${output} ]]
  done
}
