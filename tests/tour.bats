#!/usr/bin/env bats
# docs/tour.md: every command in it does what the page says, in the order of the page.

bats_require_minimum_version 1.5.0

# A folder that looks like the project's, so that what the tour writes lands there.
setup() {
  root=$(cd "${BATS_TEST_DIRNAME}/.." && pwd)
  cd "${BATS_TEST_TMPDIR}" || return 1
  ln -s "${root}/scripts" scripts
  mkdir -p target/release
  ln -s "${SCALEMODEL}" "${SCALEMODEL}-machine" target/release/
}

# Each line of the blocks of commands, and the exit code that the page promises, 0 or another.
commands() {
  awk '/^```sh$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "${root}/docs/tour.md"
}

@test "every command of the tour does what the page says" {
  local line expected count=0
  while read -r line; do
    expected=0
    if [[ ${line} =~ '# exit code '([0-9]+)$ ]]; then
      expected=${BASH_REMATCH[1]}
    fi
    run bash -c "${line}" </dev/null
    echo "${line}: ${status}, expected ${expected}: ${output}"
    [[ ${status} == "${expected}" ]]
    count=$((count + 1))
  done < <(commands)
  ((10 < count))
}
