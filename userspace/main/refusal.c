/* SPDX-License-Identifier: MIT */
#include "main/refusal.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include "base/log.h"
#include "base/unix_address.h"
#include "kern/cgroup.h"
#include "kern/loader.h"

static void tell(enum counter why, const struct log_field *fields)
{
	switch (why) {
	case COUNTER_REFUSED_RAW:
	case COUNTER_REFUSED_MPTCP:
		log_with(LOG_WARN, "socket.refused", fields, "the kernel did not make a socket");
		return;
	case COUNTER_DROPPED_DATABASE:
	case COUNTER_DROPPED_RAW:
	case COUNTER_DROPPED_UNREADABLE:
	case COUNTER_DROPPED_GAP:
		log_with(LOG_WARN, "packet.dropped", fields,
			"the kernel drops what would reach a database past the engine");
		return;
	case COUNTER_FOREIGN_DENIED:
	case COUNTER_FOREIGN_OPAQUE:
		log_with(LOG_WARN, "foreign.denied", fields,
			"PostgreSQL, or what may be, on a port that no policy names: dropped");
		return;
	case COUNTER_FOREIGN_REPORTED:
		log_with(LOG_WARN, "foreign.reported", fields,
			"PostgreSQL, or what may be, on a port that no policy names: let through");
		return;
	case COUNTER_CAPTURED:
	case COUNTER_REFUSED_UNKNOWN:
	case COUNTER_REFUSED_DENIED:
	case COUNTER_REFUSED_NO_BIRTH:
	case COUNTER_REFUSED_NO_LISTENER:
	case COUNTER_REFUSED_QUOTA:
	case COUNTER_REFUSED_FULL:
	case COUNTER_FLOW_INSERT_FAILED:
	case COUNTER_STORAGE_FAILED:
	case COUNTER_REFUSED_UNIX_TYPE:
	case COUNTER_REFUSED_UNIX_REACH:
	case COUNTER_REFUSED_UNIX_SHARE:
	case COUNTER_UNIX_FLOW_FAILED:
	case COUNTER_MAX: break;
	}
	log_with(LOG_WARN, "connect.refused", fields, "the kernel refused a connect");
}

void refusal_tell(const char *mount, const char *root, const struct refusal_event *ev)
{
	char path[PATH_MAX], comm[sizeof(ev->comm) + 1], address[UNIX_PATH_CAP] = "";
	struct sockaddr_storage un;
	const uint8_t *ip = ev->dialled_ip;
	bool v4 = IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)ip);

	if (cgroup_path(mount, root, ev->cgroup_id, path, sizeof(path), NULL))
		path[0] = '\0';
	snprintf(comm, sizeof(comm), "%.*s", (int)sizeof(ev->comm), ev->comm);
	if (ev->dialled_port)
		inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? ip + 12 : ip, address, sizeof(address));
	if (ev->dialled_name.len) {
		unix_address_dialled(&un, ev->dialled_name.bytes, ev->dialled_name.len);
		unix_address_text((const struct sockaddr *)&un, address);
	}
	tell((enum counter)ev->counter,
		LOG_FIELDS(LOG_TEXT("reason", kern_counter_name((enum counter)ev->counter)),
			LOG_TEXT("cgroup", path), LOG_NUMBER("cgroup_id", ev->cgroup_id),
			LOG_NUMBER("uid", ev->uid), LOG_NUMBER("tgid", ev->tgid), LOG_TEXT("comm", comm),
			LOG_TEXT("address", address), LOG_NUMBER("port", ev->dialled_port)));
}
