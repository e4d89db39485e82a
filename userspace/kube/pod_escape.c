/* SPDX-License-Identifier: MIT */
/* What a container gets that it did not ask for (the runtime's defaults, an image's setuid programs) is not
 * in the API; a container without added capabilities has none of those below but NET_RAW. */
#include "kube/pod_escape.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "kube/pod.h"

/* ALL is all of them. SYS_PTRACE and the two DAC ones reach into what belongs to others; MKNOD makes the
 * disk's device. */
static const char *const capabilities[] = {"ALL", "SYS_ADMIN", "NET_ADMIN", "BPF", "PERFMON", "SYS_PTRACE",
	"SYS_MODULE", "SYS_RAWIO", "SYS_BOOT", "DAC_READ_SEARCH", "MAC_ADMIN", "MAC_OVERRIDE",
	"CHECKPOINT_RESTORE"};

/* Directories of the node. Who has one, one above or one below has what the node's agents act on. */
static const char *const node_paths[] = {"/sys/fs/cgroup", "/sys/fs/bpf", "/sys/kernel", "/proc", "/dev",
	"/run/containerd", "/run/crio", "/run/docker.sock", "/run/podman", "/run/systemd", "/run/dbus",
	"/run/netns", "/run/pgveil", "/run/nri", "/var/lib/pgveil", "/var/lib/kubelet", "/var/lib/containerd",
	"/var/lib/containers", "/var/lib/docker", "/etc", "/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt",
	"/root", "/boot", "/home"};

struct looks {
	struct arena *mem;
	const struct pod_rules *rules;
	const json_t *spec;
	const char *why;
	bool full; /* no memory */
};

static const json_t *at(const json_t *o, const char *name)
{
	return json_object_get(o, name);
}

PRINTF_LIKE(2, 3) static void found(struct looks *l, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (l->why || l->full)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	l->why = arena_strdup(l->mem, text);
	l->full = !l->why;
}

/* Runtimes take names in any case, with or without the prefix. */
static const char *bare(const char *capability)
{
	return strncasecmp(capability, "CAP_", 4) == 0 ? capability + 4 : capability;
}

static bool drops_net_raw(const json_t *caps)
{
	const json_t *c;
	size_t i;

	json_array_foreach(at(caps, "drop"), i, c)
	{
		const char *name = bare(json_string_value(c) ? json_string_value(c) : "");

		if (strcasecmp(name, "ALL") == 0 || strcasecmp(name, "NET_RAW") == 0)
			return true;
	}
	return false;
}

static void look_at_container(struct looks *l, const json_t *container)
{
	const json_t *context = at(container, "securityContext"), *caps = at(context, "capabilities"), *c;
	const char *name = json_string_value(at(container, "name"));
	bool raw = !drops_net_raw(caps);
	size_t i;

	name = name ? name : "";
	if (json_is_true(at(context, "privileged")))
		found(l, "container %.63s is privileged", name);
	json_array_foreach(at(caps, "add"), i, c)
	{
		const char *cap = bare(json_string_value(c) ? json_string_value(c) : "ALL");

		for (size_t k = 0; k < ARRAY_LEN(capabilities); k++) {
			if (strcasecmp(cap, capabilities[k]) == 0)
				found(l, "container %.63s has the capability %s", name, capabilities[k]);
		}
		raw = raw || strcasecmp(cap, "NET_RAW") == 0;
	}
	if (raw && l->rules->deny_net_raw)
		found(l, "container %.63s has the capability NET_RAW", name);
	c = at(context, "procMount");
	if (c && strcmp(json_string_value(c) ? json_string_value(c) : "", "Default") != 0)
		found(l, "container %.63s has an unmasked /proc", name);
}

/* Whether one of the two is the other or above it. Both are absolute. */
static bool on_one_line(const char *a, size_t na, const char *b, size_t nb)
{
	size_t n = na < nb ? na : nb;

	if (memcmp(a, b, n) != 0)
		return false;
	return na == nb || n == 1 || (na < nb ? b : a)[n] == '/';
}

static void look_at_host_path(struct looks *l, const char *path)
{
	size_t n = strlen(path);
	bool odd = path[0] != '/' || strstr(path, "//") || strstr(path, "/./") || strstr(path, "/..");

	while (n > 1 && path[n - 1] == '/')
		n--;
	/* /var/run is a link to /run. */
	if (n >= 8 && memcmp(path, "/var/run", 8) == 0 && (n == 8 || path[8] == '/')) {
		path += 4;
		n -= 4;
	}
	for (size_t k = 0; k < ARRAY_LEN(node_paths); k++)
		odd = odd || on_one_line(path, n, node_paths[k], strlen(node_paths[k]));
	if (odd)
		found(l, "a volume is the node's %.200s", path);
}

static void look_at_runtime(struct looks *l)
{
	const char *class = json_string_value(at(l->spec, "runtimeClassName"));

	for (unsigned i = 0; class && i < l->rules->nruntime_classes; i++) {
		if (strcmp(class, l->rules->runtime_classes[i]) == 0)
			class = NULL;
	}
	if (class && class[0])
		found(l, "its runtime class %.63s is not known to make its sockets in the node's kernel",
			class);
}

bool pod_escape(struct arena *a, const json_t *spec, const struct pod_rules *rules, const char **why)
{
	static const char *const lists[] = {"containers", "initContainers", "ephemeralContainers"};
	struct looks l = {.mem = a, .rules = rules, .spec = spec};
	const json_t *o;
	size_t i;

	for (size_t k = 0; k < ARRAY_LEN(lists); k++) {
		json_array_foreach(at(spec, lists[k]), i, o)
		{
			look_at_container(&l, o);
		}
	}
	/* A process of the same user in a pod that is not enrolled can be made to connect by ptrace. */
	if (json_is_true(at(spec, "hostPID")))
		found(&l, "it sees the node's processes (hostPID)");
	json_array_foreach(at(spec, "volumes"), i, o)
	{
		const char *path = json_string_value(at(at(o, "hostPath"), "path"));

		if (path)
			look_at_host_path(&l, path);
	}
	look_at_runtime(&l);
	*why = l.why;
	return !l.full;
}
