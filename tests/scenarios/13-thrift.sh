# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim
#
# What moonset asks of an API server, as the server counts it, on the virtual clock: each file of
# thrift/ holds budgets and must be kept. Prints a table of what was called for what.
. "$(dirname "$0")/../harness.sh"

# play NAME: the timeline in $WORK/NAME.json.
play()
{
    "$MOONSET" sim -o json "$HERE/scenarios/thrift/$1.yaml" >"$WORK/$1.json" 2>"$WORK/$1.log" && return
    jq -r '.firstFailure // empty' "$WORK/$1.json"
    cat "$WORK/$1.log"
    return 1
}

# counted NAME FILTER: of the tallies of a scenario, as {what: {call: number}}.
counted()
{
    jq -rn "[inputs | .text // empty | capture(\"^calls for (?<what>[^:]*): (?<calls>.*)\$\")
             | {(.what): (if .calls == \"none\" then {} else
                 (.calls | split(\", \") | map(capture(\"^(?<key>.*) (?<value>[0-9]+)\$\")
                         | .value |= tonumber) | from_entries) end)}]
            | add | $2" "$WORK/$1.json"
}

writes='with_entries(select(.key | test("^(get|list|watch) ") | not))'

table()
{
    printf '| what | pods | calls that write | per pod | which |\n|---|---|---|---|---|\n'
    counted calls 'to_entries[] | select(.key | test("^100 pods [a-z]+$")) | .value |= '"$writes"'
        | (.value | add) as $all
        | "| \(.key[4:]) | 100 | \($all) | \($all / 100) | \(.value | to_entries | map("\(.value) \(.key)") | join(", ")) |"'
    counted calls '.["the set deleted"] | "| its set deleted | 100 | \('"$writes"' | add // 0) | 0 | none: the garbage collector deletes |"'
    counted hour '.["a settled hour"] | "| a settled hour | 20 | \('"$writes"' | add // 0) | 0 | none; reads: \(to_entries | map("\(.value) \(.key)") | join(", ")) |"'
}

# at_most NUMBER COMMAND…: it prints a number that is not above
at_most()
{
    local most=$1 got
    shift
    got=$("$@")
    awk -v got="$got" -v most="$most" 'BEGIN { exit !(got != "" && got <= most) }' ||
        { echo "$got, at most $most"; return 1; }
}

per_pod() # TALLY
{
    counted calls ".[\"100 pods $1\"] | ($writes | add) / 100"
}

events_of() # TALLY: writes of Events
{
    counted calls ".[\"100 pods $1\"] | (.[\"create events\"] // 0) + (.[\"patch events\"] // 0)"
}

check "the budgets of pods hold" play calls
check "a pod that is created costs at most 1.4 writes" at_most 1.4 per_pod created
check "a pod that is replaced costs at most 2.5 writes" at_most 2.5 per_pod replaced
check "a pod that is deleted costs at most 1.2 writes" at_most 1.2 per_pod deleted
check "of 100 Events 25 are sent, with one write each" is 25 events_of created
check "a set that is deleted costs none" is 0 counted calls ".[\"the set deleted\"] | $writes | length"
check "the budgets of an hour hold" play hour
check "a settled hour with heartbeats has no write" is 0 counted hour ".[\"a settled hour\"] | $writes | length"
check "and at most one read a minute" at_most 60 counted hour '.["a settled hour"] | add'
table
finish
