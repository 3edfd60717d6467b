#!/usr/bin/env bash
# Holds the oracle against wrong machines: prints the kill matrix, and writes docs/kill-matrix.md.
#
# Usage: scripts/kill_matrix.sh

set -Eeuo pipefail

if (($# > 0)); then
  printf 'usage: scripts/kill_matrix.sh\n' >&2
  exit 2
fi
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

# Only the page goes to standard output, not what the test harness says around it.
WRITE_KILL_MATRIX=1 cargo test --quiet --locked --test wrong_machines -- \
  --exact the_stored_matrix_is_the_one_that_is_computed >&2
cat docs/kill-matrix.md
