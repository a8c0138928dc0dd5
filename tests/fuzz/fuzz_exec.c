/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_exec.c - what a credential plugin may print.
 */
#include "kube/exec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct moon_exec_credential credential;
    struct moon_err err = {0};
    struct moon_str output = {(const char *)data, size};
    if (moon_exec_parse(output, "client.authentication.k8s.io/v1", &credential, &err) != 0) {
        moon_assert(err.code != MOON_OK && err.text[0] != '\0');
        return 0;
    }
    moon_assert(credential.token != NULL || credential.cert_pem != NULL);
    moon_assert((credential.cert_pem == NULL) == (credential.key_pem == NULL));
    moon_exec_credential_fini(&credential);
    return 0;
}
