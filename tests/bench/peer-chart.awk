# SPDX-License-Identifier: Apache-2.0
#
# peer-chart.awk - the chart of tests/bench/peer as SVG: a row of panels for each case, a pair of bars for each step.

function escape(text)
{
    gsub(/&/, "\\&amp;", text)
    gsub(/</, "\\&lt;", text)
    return text
}

function label(x, y, class, text)
{
    printf "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">%s</text>\n", x, y, class, escape(text)
}

function bar(x, bottom, width, height, class, tip)
{
    printf "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"%s\"><title>%s</title></rect>\n", x, \
        bottom - height, width, height, class, escape(tip)
}

function short(number)
{
    return number >= 10000 ? sprintf("%.0fk", number / 1000) : number >= 100 ? sprintf("%.0f", number) : \
        number >= 10 ? sprintf("%.1f", number) + 0 : sprintf("%.2f", number) + 0
}

# The steps that one of the two has done; the wall time of the idle step is the bench's own choice.
function shown(id, step, figure)
{
    return ((id, "moonset", step, figure) in value || (id, "kcm", step, figure) in value) && step != "all" && \
        !(figure == "wall" && step == "idle")
}

function highest(id, figure,    i, c, top)
{
    for (i = 1; i <= steps; i++) {
        for (c = 1; c <= 2; c++) {
            if (shown(id, step_names[i], figure) && value[id, who[c], step_names[i], figure] > top) {
                top = value[id, who[c], step_names[i], figure]
            }
        }
    }
    return top > 0 ? top : 1
}

function panel(id, figure, head, left, top,    i, c, n, bottom, slot, high, x, number, height, step)
{
    bottom = top + PANEL_H
    high = highest(id, figure)
    for (i = 1; i <= steps; i++) {
        n += shown(id, step_names[i], figure)
    }
    label(left, top - 20, "head", head)
    printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", left, bottom, left + PANEL_W, bottom
    slot = PANEL_W / (n > 0 ? n : 1)
    x = left
    for (i = 1; i <= steps; i++) {
        step = step_names[i]
        if (!shown(id, step, figure)) {
            continue
        }
        for (c = 1; c <= 2; c++) {
            if ((id, who[c], step, figure) in value) {
                number = value[id, who[c], step, figure]
                height = number / high * PANEL_H
                bar(x + 3 + (c - 1) * (slot - 6) / 2, bottom, (slot - 6) / 2 - 1, height, who[c], \
                    who[c] ", " step ": " number " " head)
                label(x + 3 + (c - 0.5) * (slot - 6) / 2, bottom - height - 3, "number", short(number))
            }
        }
        label(x + slot / 2, bottom + 13, "step", step)
        x += slot
    }
}

END {
    PANEL_W = 270
    PANEL_H = 110
    ROW_H = PANEL_H + 90
    split("moonset kcm", who, " ")
    split("wall cpu peak calls", names, " ")
    split("wall seconds,CPU seconds,peak memory (MB),API calls", heads, ",")
    width = 30 + 4 * (PANEL_W + 30)
    height = 60 + cases * ROW_H
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n", width, height, \
        width, height
    print "<style>text{font-family:sans-serif;fill:#222}.title{font-size:15px;font-weight:bold}.head{font-size:12px}" \
        ".step{font-size:11px;text-anchor:middle}.number{font-size:9px;text-anchor:middle}.key{font-size:13px}" \
        "line{stroke:#888}.moonset{fill:#1f6fb4}.kcm{fill:#d98e32}</style>"
    printf "<rect width=\"%d\" height=\"%d\" style=\"fill:#fff\"/>\n", width, height
    bar(30, 32, 14, 14, "moonset", "moonset")
    label(50, 31, "key", "moonset")
    bar(130, 32, 14, 14, "kcm", "kcm")
    label(150, 31, "key", "kube-controller-manager, DaemonSet controller only. Every panel has a scale of its own.")
    for (c = 1; c <= cases; c++) {
        top = 60 + (c - 1) * ROW_H
        label(30, top + 14, "title", title[ids[c]])
        for (f = 1; f <= 4; f++) {
            panel(ids[c], names[f], heads[f], 30 + (f - 1) * (PANEL_W + 30), top + 50)
        }
    }
    print "</svg>"
}
