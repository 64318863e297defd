/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All clients by number, for who looks after them from outside.
 */
#ifndef _HERMES_CLIENTS_H
#define _HERMES_CLIENTS_H

#include <linux/mutex.h>
#include <linux/xarray.h>

extern struct xarray hermes_clients;
extern struct mutex hermes_clients_lock;

#endif /* _HERMES_CLIENTS_H */
