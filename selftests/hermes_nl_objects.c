// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clients, registrations, policy, totals and decisions over netlink.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hermes_nl.h"

int nl_client_get(struct hermes_nl *nl, uint32_t id, struct nl_attrs *client)
{
	struct nl_request req;

	nl_begin(nl, &req, HERMES_CMD_CLIENT_GET);
	nl_put_u32(&req, HERMES_A_CLIENT_ID, id);
	return nl_get(nl, &req, client);
}

int nl_client_set(struct hermes_nl *nl, uint32_t id, uint16_t attr,
		  uint64_t value)
{
	struct nl_request req;

	nl_begin(nl, &req, HERMES_CMD_CLIENT_SET);
	nl_put_u32(&req, HERMES_A_CLIENT_ID, id);
	if (attr == HERMES_A_CLIENT_MIN_BYTES || attr == HERMES_A_CLIENT_MAX_BYTES)
		nl_put_u64(&req, attr, value);
	else
		nl_put_u32(&req, attr, value);
	return nl_run(nl, &req);
}

bool nl_policy_is_u64(uint16_t attr)
{
	return attr == HERMES_A_POLICY_GAP ||
	       attr == HERMES_A_POLICY_HYSTERESIS ||
	       attr == HERMES_A_POLICY_STEP || attr == HERMES_A_POLICY_RATE;
}

int nl_policy_get(struct hermes_nl *nl, uint16_t attr, uint64_t *value)
{
	struct nl_request req;
	struct nl_attrs policy;
	int err;

	nl_begin(nl, &req, HERMES_CMD_POLICY_GET);
	err = nl_get(nl, &req, &policy);
	if (err)
		return err;
	*value = nl_policy_is_u64(attr) ? nl_u64(&policy, attr) :
					  nl_u32(&policy, attr);
	return policy.at[attr] ? 0 : -ENOMSG;
}

int nl_policy_set(struct hermes_nl *nl, uint16_t attr, uint64_t value)
{
	struct nl_request req;

	nl_begin(nl, &req, HERMES_CMD_POLICY_SET);
	if (nl_policy_is_u64(attr))
		nl_put_u64(&req, attr, value);
	else
		nl_put_u32(&req, attr, value);
	return nl_run(nl, &req);
}

int nl_totals(struct hermes_nl *nl, struct nl_attrs *totals)
{
	struct nl_request req;

	nl_begin(nl, &req, HERMES_CMD_TOTALS_GET);
	return nl_get(nl, &req, totals);
}

uint64_t nl_total(struct hermes_nl *nl, uint16_t attr)
{
	struct nl_attrs totals;

	if (nl_totals(nl, &totals) || !totals.at[attr])
		return ~0ULL;
	return nl_has(&totals, attr, sizeof(uint32_t)) ?
		       nl_u32(&totals, attr) : nl_u64(&totals, attr);
}

/* The number of a cgroup is the inode of its directory; 0: there is none. */
uint64_t nl_cgroup_id(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_ino;
}

int nl_cgroup_add(struct hermes_nl *nl, const char *path, uint32_t type,
		  const struct nl_cgroup_conf *conf)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;
	struct nl_request req;

	if (fd < 0)
		return -errno;
	nl_begin(nl, &req, HERMES_CMD_CGROUP_ADD);
	nl_put_s32(&req, HERMES_A_CGROUP_FD, fd);
	nl_put_u32(&req, HERMES_A_CGROUP_TYPE, type);
	if (conf && conf->weight)
		nl_put_u32(&req, HERMES_A_CGROUP_WEIGHT, conf->weight);
	if (conf && conf->min)
		nl_put_u64(&req, HERMES_A_CGROUP_MIN, conf->min);
	if (conf && conf->rate)
		nl_put_u64(&req, HERMES_A_CGROUP_RATE, conf->rate);
	if (conf && conf->anon)
		nl_put_u32(&req, HERMES_A_CGROUP_ANON, conf->anon);
	err = nl_run(nl, &req);
	close(fd);
	return err;
}

int nl_cgroup_set(struct hermes_nl *nl, const char *path, uint16_t attr,
		  uint64_t value)
{
	struct nl_request req;

	nl_begin(nl, &req, HERMES_CMD_CGROUP_SET);
	nl_put_u64(&req, HERMES_A_CGROUP_ID, nl_cgroup_id(path));
	if (attr == HERMES_A_CGROUP_MIN || attr == HERMES_A_CGROUP_RATE)
		nl_put_u64(&req, attr, value);
	else
		nl_put_u32(&req, attr, value);
	return nl_run(nl, &req);
}

int nl_cgroup_del(struct hermes_nl *nl, const char *path)
{
	struct nl_request req;

	nl_begin(nl, &req, HERMES_CMD_CGROUP_DEL);
	nl_put_u64(&req, HERMES_A_CGROUP_ID, nl_cgroup_id(path));
	return nl_run(nl, &req);
}

void nl_cgroup_parse(const struct nl_attrs *attrs, struct nl_cgroup *cgroup)
{
	memset(cgroup, 0, sizeof(*cgroup));
	cgroup->id = nl_u64(attrs, HERMES_A_CGROUP_ID);
	snprintf(cgroup->path, sizeof(cgroup->path), "%s",
		 nl_string(attrs, HERMES_A_CGROUP_PATH));
	cgroup->type = nl_u32(attrs, HERMES_A_CGROUP_TYPE);
	cgroup->weight = nl_u32(attrs, HERMES_A_CGROUP_WEIGHT);
	cgroup->min = nl_u64(attrs, HERMES_A_CGROUP_MIN);
	cgroup->rate = nl_u64(attrs, HERMES_A_CGROUP_RATE);
	cgroup->anon = nl_u32(attrs, HERMES_A_CGROUP_ANON);
	cgroup->uid = nl_u32(attrs, HERMES_A_CGROUP_UID);
	cgroup->current_bytes = nl_u64(attrs, HERMES_A_CGROUP_CURRENT);
	cgroup->file = nl_u64(attrs, HERMES_A_CGROUP_FILE);
	cgroup->anon_bytes = nl_u64(attrs, HERMES_A_CGROUP_ANON_BYTES);
	cgroup->steps = nl_u64(attrs, HERMES_A_CGROUP_STEPS);
	cgroup->partial = nl_u64(attrs, HERMES_A_CGROUP_PARTIAL);
	cgroup->asked = nl_u64(attrs, HERMES_A_CGROUP_ASKED);
	cgroup->got = nl_u64(attrs, HERMES_A_CGROUP_GOT);
	cgroup->refaults = nl_u64(attrs, HERMES_A_CGROUP_REFAULTS);
	cgroup->cpu_ns = nl_u64(attrs, HERMES_A_CGROUP_CPU_NS);
	cgroup->backoff = nl_u32(attrs, HERMES_A_CGROUP_BACKOFF);
	cgroup->backoff_ms = nl_u32(attrs, HERMES_A_CGROUP_BACKOFF_MS);
	cgroup->split = nl_u32(attrs, HERMES_A_CGROUP_SPLIT);
}

struct nl_wanted {
	uint64_t id;
	struct nl_cgroup *cgroup;
	bool found;
};

static int nl_cgroup_match(const struct nl_attrs *attrs, void *data)
{
	struct nl_wanted *wanted = data;

	if (nl_u64(attrs, HERMES_A_CGROUP_ID) != wanted->id)
		return 0;
	nl_cgroup_parse(attrs, wanted->cgroup);
	wanted->found = true;
	return 0;
}

int nl_cgroup_get_id(struct hermes_nl *nl, uint64_t id,
		     struct nl_cgroup *cgroup)
{
	struct nl_wanted wanted = { .id = id, .cgroup = cgroup };
	struct nl_request req;
	int err;

	nl_begin(nl, &req, HERMES_CMD_CGROUP_GET);
	err = nl_dump(nl, &req, nl_cgroup_match, &wanted);
	return err ?: wanted.found ? 0 : -ENOENT;
}

int nl_cgroup_get(struct hermes_nl *nl, const char *path,
		  struct nl_cgroup *cgroup)
{
	return nl_cgroup_get_id(nl, nl_cgroup_id(path), cgroup);
}

void nl_decision_parse(const struct nl_attrs *attrs,
		       struct nl_decision *decision)
{
	memset(decision, 0, sizeof(*decision));
	decision->seq = nl_u64(attrs, HERMES_A_DECISION_SEQ);
	decision->time = nl_u64(attrs, HERMES_A_DECISION_TIME);
	decision->repeats = nl_u32(attrs, HERMES_A_DECISION_REPEATS);
	decision->trigger = nl_u32(attrs, HERMES_A_DECISION_TRIGGER);
	decision->free = nl_u64(attrs, HERMES_A_DECISION_FREE);
	decision->low = nl_u64(attrs, HERMES_A_DECISION_LOW);
	decision->high = nl_u64(attrs, HERMES_A_DECISION_HIGH);
	decision->demand = nl_u64(attrs, HERMES_A_DECISION_DEMAND);
	decision->choice = nl_u32(attrs, HERMES_A_DECISION_CHOICE);
	decision->candidates = nl_u32(attrs, HERMES_A_DECISION_CANDIDATES);
	snprintf(decision->within, sizeof(decision->within), "%s",
		 nl_string(attrs, HERMES_A_DECISION_WITHIN));
	decision->id = nl_u64(attrs, HERMES_A_DECISION_CGROUP_ID);
	snprintf(decision->path, sizeof(decision->path), "%s",
		 nl_string(attrs, HERMES_A_DECISION_CGROUP_PATH));
	decision->file = nl_u64(attrs, HERMES_A_DECISION_FILE);
	decision->anon = nl_u64(attrs, HERMES_A_DECISION_ANON);
	decision->asked = nl_u64(attrs, HERMES_A_DECISION_ASKED);
	decision->got = nl_u64(attrs, HERMES_A_DECISION_GOT);
	decision->error = nl_s32(attrs, HERMES_A_DECISION_ERROR);
	decision->wall_ns = nl_u64(attrs, HERMES_A_DECISION_WALL_NS);
	decision->cpu_ns = nl_u64(attrs, HERMES_A_DECISION_CPU_NS);
	decision->refaults = nl_u64(attrs, HERMES_A_DECISION_REFAULTS);
	decision->pressure_pct = nl_u32(attrs, HERMES_A_DECISION_PRESSURE_PCT);
	decision->backoff = nl_u32(attrs, HERMES_A_DECISION_BACKOFF);
}

struct nl_list {
	struct nl_decision *at;
	size_t most;
	size_t nr;
};

static int nl_decision_keep(const struct nl_attrs *attrs, void *data)
{
	struct nl_list *list = data;

	if (list->nr == list->most) {
		memmove(list->at, list->at + 1,
			(list->most - 1) * sizeof(*list->at));
		list->nr--;
	}
	nl_decision_parse(attrs, &list->at[list->nr++]);
	return 0;
}

/**
 * nl_decisions() - the last decisions of the controller
 * @nl: the socket
 * @decisions: out, oldest first
 * @most: length of @decisions, at least 1; older ones are dropped
 *
 * Return: how many, or a negative errno.
 */
int nl_decisions(struct hermes_nl *nl, struct nl_decision *decisions,
		 size_t most)
{
	struct nl_list list = { .at = decisions, .most = most };
	struct nl_request req;
	int err;

	nl_begin(nl, &req, HERMES_CMD_DECISION_GET);
	err = nl_dump(nl, &req, nl_decision_keep, &list);
	return err ?: (int)list.nr;
}

int nl_dry_run(struct hermes_nl *nl, uint64_t free,
	       struct nl_decision *decision)
{
	struct nl_request req;
	struct nl_attrs attrs;
	int err;

	nl_begin(nl, &req, HERMES_CMD_DRY_RUN);
	nl_put_u64(&req, HERMES_A_DECISION_FREE, free);
	err = nl_get(nl, &req, &attrs);
	if (!err)
		nl_decision_parse(&attrs, decision);
	return err;
}
