/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/digest.h"

#include <openssl/evp.h>

struct moon_digest {
    EVP_MD_CTX *ctx;
};

struct moon_digest *moon_digest_new(void)
{
    struct moon_digest *d = moon_new(struct moon_digest);

    d->ctx = EVP_MD_CTX_new();
    moon_assert(d->ctx != NULL && EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL) == 1);
    return d;
}

void moon_digest_add(struct moon_digest *d, struct moon_str piece)
{
    if (piece.len > 0) {
        moon_assert(EVP_DigestUpdate(d->ctx, piece.ptr, piece.len) == 1);
    }
}

void moon_digest_take(struct moon_digest *d, char out[MOON_DIGEST_TEXT])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned len;

    moon_assert(EVP_DigestFinal_ex(d->ctx, bytes, &len) == 1);
    moon_assert(2 * len + 1 == MOON_DIGEST_TEXT);
    for (unsigned i = 0; i < len; i++) {
        out[2 * i] = hex[bytes[i] >> 4];
        out[2 * i + 1] = hex[bytes[i] & 15];
    }
    out[2 * len] = '\0';
    EVP_MD_CTX_free(d->ctx);
    moon_free(d);
}
