#!/usr/bin/env bash
# Sees to it that a program is there: installs its Debian package when it may, or names the command
# that does and fails.
#
# Usage: scripts/install.sh PROGRAM PACKAGE [PROGRAM PACKAGE]...

set -Eeuo pipefail

missing=()
while (($# > 1)); do
  type -P "$1" >/dev/null || missing+=("$2")
  shift 2
done
((${#missing[@]} > 0)) || exit 0

if ((EUID == 0)) && command -v apt-get >/dev/null; then
  printf 'installing %s ...\n' "${missing[*]}" >&2
  export DEBIAN_FRONTEND=noninteractive
  if apt-get update -qq >&2 && apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2; then
    exit 0
  fi
fi
printf 'missing: %s; install with: sudo apt-get install %s\n' "${missing[*]}" "${missing[*]}" >&2
exit 1
