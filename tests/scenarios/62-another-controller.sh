# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim
#
# Another controller writes the status of a set: moonset says so, once in ten minutes, and not in its first
# one. Played on a virtual clock, half an hour in a second or two. Not among the scenarios that are replayed
# with faults: an Event may be lost. 60-takeover.sh has the same with the stock controller, in earnest.
. "$(dirname "$0")/../harness.sh"

check "it is said in an Event, once in ten minutes, and users are not accused" \
    "$MOONSET" sim --quiet "$HERE/scenarios/another-controller.yaml"
finish
