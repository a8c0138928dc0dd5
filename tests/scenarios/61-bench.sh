# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: cluster
#
# The bench that measures moonset beside kube-controller-manager, with a handful of nodes: the table, the JSON
# and the chart come out, and what is counted in them is right. No figure is judged here.
. "$(dirname "$0")/../harness.sh"

OUT=$WORK/bench

bench()
{
    MOONSET=$MOONSET "$ROOT/tests/bench/peer" --nodes 5 --sets 1 --foreign 0 --idle 1 --rest 0.5 --out "$OUT" 2>&1
}

# of FILTER: jq over all rows, on one line.
of()
{
    jq -r "[.rows[] | $1] | join(\" \")" "$OUT/results.json"
}

# steps_in_table COUNT: lines of the table with a figure of both in wall, CPU, memory and calls.
steps_in_table()
{
    local count
    count=$(grep -cE '^(create|roll|idle|start|delete|all)( +[0-9.]+ +[0-9.]+ +[0-9./-]+){4}' "$OUT/table.txt")
    [ "$count" -eq "$1" ] || { echo "$count lines"; cat "$OUT/table.txt"; return 1; }
}

is_chart()
{
    is '<svg ' head -c 5 "$OUT/chart.svg" && is '</svg>' tail -n 1 "$OUT/chart.svg" &&
        grep -q '<title>moonset, create: [0-9]* API calls</title>' "$OUT/chart.svg" &&
        grep -q '<title>kcm, roll: [0-9.]* CPU seconds</title>' "$OUT/chart.svg"
}

check "both controllers are measured" bench
check "the table has all steps of both" steps_in_table 6
check "the JSON has all steps" is "create roll surge idle start delete" of 'select(.controller == "moonset") | .step'
check "every step has its figures" is 10 jq '[.rows[] | select(.wall_s > 0 and .cpu_s >= 0 and .peak_mb > 0)] | length' "$OUT/results.json"
check "each has created a pod a node" is "5 5" of 'select(.step == "create") | .calls_by_resource["create pods"]'
check "and moonset one more in the roll" is 5 of 'select(.step == "roll" and .controller == "moonset") | .calls_by_resource["create pods"]'
check "watches are counted, too" is "1 1" of 'select(.step == "start") | .calls_by_resource["watch pods"] | [., 1] | min'
check "a server without maxSurge is told of" is "2" jq '[.rows[] | select(.skipped == "not known by this server")] | length' "$OUT/results.json"
check "nothing is written in the idle step" is "0 0" of 'select(.step == "idle") | [.calls.create, .calls.update, .calls.patch, .calls.delete] | map(. // 0) | add'
check "the chart is a picture of it" is_chart
check "what is there already is not run again" has "moonset, 5 nodes, 1 sets, 0 foreign pods: there already" bench
finish
