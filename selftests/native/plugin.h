/* SPDX-License-Identifier: GPL-2.0-only */
/* A library that is loaded and unloaded while the program runs. */
#ifndef PLUGIN_H
#define PLUGIN_H

#include <stdatomic.h>
#include <stddef.h>

/**
 * struct plugin_counters - what the plugin has done; the program's
 * @unloaded: destructors of the library that found their memory intact
 * @ended: destructors of threads that did
 * @wrong: that did not
 */
struct plugin_counters {
	atomic_int unloaded, ended, wrong;
};

/* The functions of the plugin. The program looks for them by name. */
void plugin_start(struct plugin_counters *counters);
char *plugin_string(size_t bytes);
void plugin_use_thread(void);

#endif /* PLUGIN_H */
