#!/usr/bin/env bash
# Breaks runs in every way of the battery: prints what came of it, and writes docs/reliability.md.
#
# Usage: scripts/battery.sh

set -Eeuo pipefail

if (($# > 0)); then
  printf 'usage: scripts/battery.sh\n' >&2
  exit 2
fi
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

# Only the tables go to standard output, not what is told while the rows run.
status=0
cargo test --quiet --release --locked --test battery -- --all --page docs/reliability.md >&2 ||
  status=$?
sed -n '/<!-- battery: begin -->/,/<!-- battery: end -->/p' docs/reliability.md | sed '1d;$d'
exit "${status}"
