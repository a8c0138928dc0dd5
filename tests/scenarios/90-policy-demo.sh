# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim
#
# The life of a policy as policies/README.md shows it: its demo runs, and prints what is told there.
. "$(dirname "$0")/../harness.sh"

demo=$WORK/demo
mkdir "$WORK/tmp"
check "the demo runs" sh -c "TMPDIR='$WORK/tmp' MOONSET='$MOONSET' '$ROOT/examples/quickstart/policy-demo' >'$demo' 2>&1 || { cat '$demo' >&2; false; }"
# Each step's outcome; what is left to chance (pods, hashes of templates) is not looked at.
while read -r step line; do
    check "$step" grep -qE "$line" "$demo"
done <<'EXPECTED'
tested ^1 passed, 0 failed$
planned ^default/agent +delete +pod/agent-[a-z0-9]{5} +node-1 +no daemon here: a quiet pool$
delivered ^agent +9 +9 +9 +9 +9
refused ^policy quiet-pool: its tests fail: .*expected run, got evict "a quiet pool"; version b8d0ca64d07e stays$
held ^held back +another version of policy quiet-pool would take the daemon away from 9 of 9 nodes
approved ^agent +3 +3 +3 +3 +3
explained ^decision +evict: a quiet pool \(policy quiet-pool\)$
replayed ^no difference: [0-9]+ plans
compared ^replayed +nothing$
EXPECTED
check "the page shows what it prints" is "$(sed -n 's/^\$ moonset policy //p' "$demo")" \
    sed -n '/^## From nothing/,/^## The table/s/^\$ moonset policy //p' "$ROOT/policies/README.md"
check "no process is left behind" sh -c "! pgrep -f '$WORK/[t]mp' >/dev/null"
check "nor a file" is "" ls "$WORK/tmp"
finish
