# SPDX-License-Identifier: Apache-2.0
#
# peer-rows.awk - reads what tests/bench/peer-case printed, for the table and the chart (awk -f this -f other).
#
# Afterwards: ids[1..cases] "NODES,SETS,FOREIGN" with title[id]; value[id, controller, step, figure] for the figures
# wall, cpu, peak, calls and each verb; the step "all" is the whole case (sums, and the highest peak).

function member(name,    rest)
{
    rest = index($0, "\"" name "\":")
    if (rest == 0) {
        return ""
    }
    rest = substr($0, rest + length(name) + 3)
    if (substr(rest, 1, 1) == "\"") {
        rest = substr(rest, 2)
        return substr(rest, 1, index(rest, "\"") - 1)
    }
    sub(/[,}].*/, "", rest)
    return rest
}

# The members of "calls", an object of numbers.
function read_calls(id, controller, step,    rest, count, part, pair, i)
{
    rest = substr($0, index($0, "\"calls\":{") + 9)
    rest = substr(rest, 1, index(rest, "}") - 1)
    gsub(/"/, "", rest)
    count = split(rest, part, ",")
    set(id, controller, step, "calls", 0)
    for (i = 1; i <= count; i++) {
        split(part[i], pair, ":")
        set(id, controller, step, pair[1], pair[2])
        value[id, controller, step, "calls"] += pair[2]
        value[id, controller, "all", "calls"] += pair[2]
    }
}

function set(id, controller, step, figure, number)
{
    value[id, controller, step, figure] = number + 0
    if (figure != "peak") {
        value[id, controller, "all", figure] += number
    } else if (number + 0 > value[id, controller, "all", figure] + 0) {
        value[id, controller, "all", figure] = number + 0
    }
}

function plural(count, one)
{
    return count " " one (count == 1 ? "" : "s")
}

BEGIN {
    steps = split("create roll surge idle start delete all", step_names, " ")
    verbs = split("get list watch create update patch delete", verb_names, " ")
}

{
    id = member("nodes") "," member("sets") "," member("foreign")
    controller = member("controller")
    step = member("step")
    if (!(id in title)) {
        ids[++cases] = id
        title[id] = plural(member("nodes"), "node") ", " plural(member("sets"), "set") \
            (member("foreign") > 0 ? ", " plural(member("foreign"), "foreign pod") : "")
    }
    has[id, controller] = 1
    if (member("skipped") != "") {
        skipped[id, step] = member("skipped")
        next
    }
    set(id, controller, step, "wall", member("wall_s"))
    set(id, controller, step, "cpu", member("cpu_s"))
    set(id, controller, step, "peak", member("peak_mb"))
    read_calls(id, controller, step)
}
