/* SPDX-License-Identifier: Apache-2.0
 *
 * accounts.h - in the embedded cluster, every namespace has a ServiceAccount named default, and
 * gets it back when it is deleted: what the service account controller of kube-controller-manager
 * does.
 */
#ifndef MOON_SIM_ACCOUNTS_H
#define MOON_SIM_ACCOUNTS_H

#include "kube/client.h"

struct moon_accounts;

struct moon_accounts *moon_accounts_new(struct moon_client *client);
void moon_accounts_free(struct moon_accounts *a); /* NULL is fine */

#endif
