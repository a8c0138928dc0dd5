/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/images.h"

#include "base/mem.h"

/* A node has a handful of images: searched from the front. */
struct image {
    moon_sym name;
    uint64_t there; /* loop time */
};

struct moon_images {
    struct image *items;
    size_t count;
    uint64_t busy_until; /* with pulling */
};

struct moon_images *moon_images_new(void)
{
    return moon_new(struct moon_images);
}

void moon_images_free(struct moon_images *images)
{
    if (images == NULL) {
        return;
    }
    for (size_t i = 0; i < images->count; i++) {
        moon_sym_unref(images->items[i].name);
    }
    moon_free(images->items);
    moon_free(images);
}

static struct image *find(const struct moon_images *images, moon_sym name)
{
    for (size_t i = 0; i < images->count; i++) {
        if (images->items[i].name == name) {
            return &images->items[i];
        }
    }
    return NULL;
}

static struct image *add(struct moon_images *images, moon_sym name, uint64_t there)
{
    images->items = moon_realloc_array(images->items, images->count + 1, sizeof(*images->items));
    struct image *image = &images->items[images->count++];
    *image = (struct image){moon_sym_ref(name), there};
    return image;
}

bool moon_images_has(const struct moon_images *images, moon_sym image, uint64_t now_ms)
{
    const struct image *known = find(images, image);
    return known != NULL && known->there <= now_ms;
}

void moon_images_add(struct moon_images *images, moon_sym image, uint64_t now_ms)
{
    struct image *known = find(images, image);
    if (known == NULL) {
        (void)add(images, image, now_ms);
    } else if (known->there > now_ms) {
        known->there = now_ms;
    }
}

uint64_t moon_images_pull(struct moon_images *images, moon_sym image, uint64_t now_ms,
                          uint64_t pull_time_ms)
{
    const struct image *known = find(images, image);
    if (known != NULL) {
        return known->there > now_ms ? known->there : now_ms;
    }
    uint64_t start = images->busy_until > now_ms ? images->busy_until : now_ms;
    images->busy_until = start + pull_time_ms;
    return add(images, image, images->busy_until)->there;
}
