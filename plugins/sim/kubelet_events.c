/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/kubelet_events.h"

/* ---- pods ---- */

/* How a container got its image; `pulled_ms` 0: it was there. */
static void pulled(struct moon_recorder *recorder, const struct moon_object *pod, const char *image,
                   uint64_t pulled_ms)
{
    if (pulled_ms > 0) {
        moon_recorder_event(recorder, pod, MOON_EVENT_NORMAL, "Pulled",
                            "Successfully pulled image \"%s\" in %llu.%03llus", image,
                            (unsigned long long)pulled_ms / 1000,
                            (unsigned long long)pulled_ms % 1000);
    } else {
        moon_recorder_event(recorder, pod, MOON_EVENT_NORMAL, "Pulled",
                            "Container image \"%s\" already present on machine", image);
    }
}

static void started(struct moon_recorder *recorder, const struct moon_played_pod *pod,
                    uint64_t pulled_ms)
{
    const struct moon_object *about = &pod->meta;
    for (uint32_t i = 0; i < pod->container_count; i++) {
        const struct moon_played_container *container = &pod->containers[i];
        pulled(recorder, about, container->image, pulled_ms);
        moon_recorder_event(recorder, about, MOON_EVENT_NORMAL, "Created", "Created container %s",
                            container->name);
        moon_recorder_event(recorder, about, MOON_EVENT_NORMAL, "Started", "Started container %s",
                            container->name);
    }
}

static void pulling(struct moon_recorder *recorder, const struct moon_played_pod *pod)
{
    for (uint32_t i = 0; i < pod->container_count; i++) {
        moon_recorder_event(recorder, &pod->meta, MOON_EVENT_NORMAL, "Pulling",
                            "Pulling image \"%s\"", pod->containers[i].image);
    }
}

static void pull_failed(struct moon_recorder *recorder, const struct moon_played_pod *pod)
{
    for (uint32_t i = pod->init_count; i < pod->container_count; i++) {
        const char *image = pod->containers[i].image;
        moon_recorder_event(recorder, &pod->meta, MOON_EVENT_NORMAL, "Pulling",
                            "Pulling image \"%s\"", image);
        moon_recorder_event(recorder, &pod->meta, MOON_EVENT_WARNING, "Failed",
                            "Failed to pull image \"%s\": rpc error: code = NotFound desc = failed "
                            "to pull and unpack image \"%s\": not found",
                            image, image);
        moon_recorder_event(recorder, &pod->meta, MOON_EVENT_WARNING, "Failed",
                            "Error: ErrImagePull");
    }
}

static void pull_backoff(struct moon_recorder *recorder, const struct moon_played_pod *pod)
{
    for (uint32_t i = pod->init_count; i < pod->container_count; i++) {
        moon_recorder_event(recorder, &pod->meta, MOON_EVENT_NORMAL, "BackOff",
                            "Back-off pulling image \"%s\"", pod->containers[i].image);
        moon_recorder_event(recorder, &pod->meta, MOON_EVENT_WARNING, "Failed",
                            "Error: ImagePullBackOff");
    }
}

void moon_kubelet_events_pod(struct moon_recorder *recorder, const struct moon_played_pod *pod,
                             enum moon_kubelet_stage before, uint32_t restarts,
                             const struct moon_kubelet_life *after)
{
    switch (after->stage) {
    case MOON_KUBELET_CREATING:
        if (after->pulled_ms > 0) {
            pulling(recorder, pod);
        }
        break;
    case MOON_KUBELET_RUNNING:
    case MOON_KUBELET_READY:
        if (!moon_kubelet_is_running(before) || restarts != after->run.restarts) {
            started(recorder, pod, moon_kubelet_is_running(before) ? 0 : after->pulled_ms);
        }
        break;
    case MOON_KUBELET_PULL_FAILED:
        pull_failed(recorder, pod);
        break;
    case MOON_KUBELET_PULL_BACKOFF:
        pull_backoff(recorder, pod);
        break;
    case MOON_KUBELET_CRASHED:
        moon_recorder_event(recorder, &pod->meta, MOON_EVENT_WARNING, "BackOff",
                            "Back-off restarting failed container");
        break;
    case MOON_KUBELET_FAILED:
        /* One that ran was told when it got SIGTERM. */
        if (after->reason != NULL && !moon_kubelet_is_running(before)) {
            moon_recorder_event(recorder, &pod->meta, MOON_EVENT_WARNING, after->reason, "%s",
                                after->message);
        }
        break;
    case MOON_KUBELET_NEW:
    case MOON_KUBELET_WAITING:
    case MOON_KUBELET_SUCCEEDED:
    case MOON_KUBELET_REMOVED:
        break;
    }
}

void moon_kubelet_events_stop(struct moon_recorder *recorder, const struct moon_played_pod *pod,
                              const struct moon_kubelet_life *life)
{
    if (life->reason != NULL) {
        moon_recorder_event(recorder, &pod->meta, MOON_EVENT_WARNING, life->reason, "%s",
                            life->message);
    }
    for (uint32_t i = pod->init_count; i < pod->container_count; i++) {
        moon_recorder_event(recorder, &pod->meta, MOON_EVENT_NORMAL, "Killing",
                            "Stopping container %s", pod->containers[i].name);
    }
}

/* ---- nodes ---- */

void moon_kubelet_events_node(struct moon_recorder *recorder, const struct moon_played_node *before,
                              const struct moon_played_node *after)
{
    static const struct {
        enum moon_node_condition type;
        const char *when_true;
        const char *when_false;
    } rows[] = {
        {MOON_NODE_MEMORY_PRESSURE, "NodeHasInsufficientMemory", "NodeHasSufficientMemory"},
        {MOON_NODE_DISK_PRESSURE, "NodeHasDiskPressure", "NodeHasNoDiskPressure"},
        {MOON_NODE_PID_PRESSURE, "NodeHasInsufficientPID", "NodeHasSufficientPID"},
        {MOON_NODE_READY, "NodeReady", "NodeNotReady"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        enum moon_condition status = after->conditions[rows[i].type];
        if (status != before->conditions[rows[i].type]) {
            const char *what =
                status == MOON_CONDITION_TRUE ? rows[i].when_true : rows[i].when_false;
            moon_recorder_event(recorder, &after->meta, MOON_EVENT_NORMAL, what,
                                "Node %s status is now: %s", after->meta.name, what);
        }
    }
}
