/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

static const struct moon_object *project(const struct moon_kind *kind, const char *json)
{
    struct moon_object *object = NULL;
    struct moon_err err = {0};

    if (moon_object_project(kind, moon_str(json), &object, &err) != 0 || object == NULL) {
        (void)fprintf(stderr, "%s: %s\n", json, err.text);
        abort();
    }
    return object;
}

static const struct moon_node *make_node(int number)
{
    MOON_AUTOFREE char *json = moon_asprintf(
        "{\"metadata\":{\"name\":\"n%05d\",\"uid\":\"u%d\",\"resourceVersion\":\"1\",\"labels\":"
        "{\"topology.kubernetes.io/zone\":\"z%d\",\"edge\":\"%s\"}},"
        "\"spec\":{\"taints\":[{\"key\":\"t\",\"effect\":\"NoSchedule\"}]},"
        "\"status\":{\"capacity\":{\"cpu\":\"4\"}}}",
        number, number, number % 7, number % 2 == 0 ? "true" : "false");

    return moon_node(project(&moon_kind_node, json));
}

static const struct moon_pod *make_pod(const char *node, const char *revision)
{
    MOON_AUTOFREE char *json = moon_asprintf(
        "{\"metadata\":{\"name\":\"agent-%s\",\"namespace\":\"prod\",\"uid\":\"p-%s\","
        "\"resourceVersion\":\"1\",\"labels\":{\"app\":\"agent\",\"controller-revision-hash\":"
        "\"%s\"}},\"spec\":{\"nodeName\":\"%s\",\"containers\":[{\"name\":\"c\",\"image\":\"a\"}]},"
        "\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":"
        "\"True\"}]}}",
        node, node, revision, node);

    return moon_pod(project(&moon_kind_any_pod, json));
}

static struct moon_samples *make_samples(void)
{
    struct moon_samples *s = moon_samples_new();
    char pod[32];

    for (int i = 0; i < MOON_SAMPLES_MAX_SERIES; i++) {
        moon_assert(moon_samples_add(s, i, 990 * 1000));
        (void)snprintf(pod, sizeof(pod), "agent-%d", i);
        moon_assert(moon_samples_label(s, MOON_STR_LIT("pod"), moon_str(pod)));
    }
    return s;
}

/* The first node has an outdated pod, the second a new one, the others wait for theirs. */
struct world *world_new(void)
{
    struct world *w = moon_new(struct world);

    for (int i = 0; i < WORLD_NODES; i++) {
        w->nodes[i] = make_node(i);
        w->slots[i] = (struct moon_roll_slot){
            .node = w->nodes[i], .node_name = w->nodes[i]->meta.name, .wanted = true};
    }
    w->old_pod = make_pod(w->nodes[0]->meta.name, "old");
    w->new_pod = make_pod(w->nodes[1]->meta.name, "new");
    w->slots[0].old_pod = w->old_pod;
    w->slots[0].old_available = true;
    w->slots[1].new_pod = w->new_pod;
    w->slots[1].new_available = true;
    w->roll = (struct moon_roll){
        .started_s = 900,
        .revision = "new",
        .previous_revision = "old",
        .max_unavailable = WORLD_NODES,
        .unavailable = WORLD_NODES - 2,
        .available = 2,
        .desired = WORLD_NODES,
        .slots = w->slots,
        .count = WORLD_NODES,
    };
    w->found = make_samples();
    w->kv = moon_kv_new();
    return w;
}

void world_free(struct world *w)
{
    for (int i = 0; i < WORLD_NODES; i++) {
        moon_object_unref(&w->nodes[i]->meta);
    }
    moon_object_unref(&w->old_pod->meta);
    moon_object_unref(&w->new_pod->meta);
    moon_samples_free(w->found);
    moon_kv_free(w->kv);
    moon_free(w);
}

const struct moon_daemonset *world_set(const char *name, bool bad)
{
    MOON_AUTOFREE char *json = moon_asprintf(
        "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"prod\",\"uid\":\"u-%s\","
        "\"resourceVersion\":\"1\",\"labels\":{\"team\":\"ops\"%s}},\"spec\":{\"selector\":"
        "{\"matchLabels\":{\"app\":\"agent\"}},\"updateStrategy\":{\"type\":\"RollingUpdate\"},"
        "\"template\":{\"metadata\":{\"labels\":{\"app\":\"agent\"}},\"spec\":{\"containers\":[{"
        "\"name\":\"c\",\"image\":\"a\"}],"
        "\"tolerations\":[{\"key\":\"t\",\"operator\":\"Exists\"}]}}}}",
        name, name, bad ? ",\"bad\":\"yes\"" : "");

    return moon_daemonset(project(&moon_kind_daemonset, json));
}
