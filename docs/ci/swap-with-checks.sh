#!/usr/bin/env bash
# swap-with-checks.sh APPLICATION VERSION DIGEST CHECK [ARGUMENT...]: give a tenth of the customers the version, run the
# command CHECK, then approve the swap and wait for its end. If the check fails, all customers return.
set -euo pipefail
[ $# -ge 4 ] || { echo 'usage: swap-with-checks.sh APPLICATION VERSION DIGEST CHECK [ARGUMENT...]' >&2; exit 2; }
folder=$(dirname "$0")
operation=$("$folder/swap-until-approval.sh" "${@:1:3}")
[ -n "$operation" ] || exit 0 # the version is already live
exec "$folder/continue-swap.sh" "$1" "$operation" "${@:4}"
