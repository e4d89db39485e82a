/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/attr.h"
#include "kube/pod.h"

#define META                                                                                                 \
	"\"metadata\":{\"name\":\"p\",\"namespace\":\"demo\",\"uid\":\"cc1f800f-00d3-4c27-a123-"             \
	"4fd670a1973a\"%s}"
#define HASH "0123456789abcdef0123456789abcdef"

static const char *const classes[] = {"runc"};
static const struct pod_rules rules = {.runtime_classes = classes, .nruntime_classes = 1};

static struct pod *made(const char *meta, const char *rest, const struct pod_rules *r)
{
	char text[4096];
	json_t *o;
	struct pod *p;

	snprintf(text, sizeof(text), "{" META "%s}", meta, rest);
	o = json_loads(text, 0, NULL);
	assert_non_null(o);
	p = pod_new(o, r);
	json_decref(o);
	return p;
}

static void what_is_read(void **state)
{
	struct pod *p = made(",\"labels\":{\"b\":\"2\",\"a\":\"1\"},\"deletionTimestamp\":\"x\"",
		",\"spec\":{\"nodeName\":\"n1\",\"serviceAccountName\":\"sa\",\"hostNetwork\":true},"
		"\"status\":{\"phase\":\"Failed\"}",
		&rules);

	(void)state;
	assert_non_null(p);
	assert_string_equal(p->name, "p");
	assert_string_equal(p->namespace, "demo");
	assert_string_equal(p->uid, "cc1f800f-00d3-4c27-a123-4fd670a1973a");
	assert_string_equal(p->cgroup_uid, p->uid);
	assert_string_equal(p->node, "n1");
	assert_string_equal(p->service_account, "sa");
	assert_true(p->host_network && p->terminating && p->finished);
	assert_null(p->escape);
	assert_string_equal(pod_label(p, "a"), "1");
	assert_string_equal(pod_label(p, "b"), "2");
	assert_null(pod_label(p, "c"));
	pod_unref(pod_ref(p));
	pod_unref(p);
	p = made("", "", &rules);
	assert_null(pod_label(p, "a"));
	pod_unref(p);
}

/* A hash stands for the cgroup of a static pod only where it is one, and never for another pod's. */
static void static_pods(void **state)
{
	static const char *const other = "11111111-2222-3333-4444-555555555555";
	char note[512];
	struct pod *p = made(",\"annotations\":{\"kubernetes.io/config.hash\":\"" HASH
			     "\",\"kubernetes.io/config.mirror\":\"" HASH "\"}",
		"", &rules);

	(void)state;
	assert_string_equal(p->cgroup_uid, HASH);
	pod_unref(p);
	p = made(",\"annotations\":{\"kubernetes.io/config.hash\":\"" HASH "\"}", "", &rules);
	assert_string_equal(p->cgroup_uid, p->uid);
	pod_unref(p);
	snprintf(note, sizeof(note),
		",\"annotations\":{\"kubernetes.io/config.hash\":\"%s\",\"kubernetes.io/"
		"config.mirror\":\"x\"}",
		other);
	assert_null(made(note, "", &rules));
}

static void what_is_no_pod(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"metadata\":{}}",
		"{\"metadata\":[]}",
		"[]",
		"{\"metadata\":{\"name\":\"p\",\"namespace\":\"n\"}}",
		"{\"metadata\":{\"name\":\"p\",\"namespace\":\"n\",\"uid\":\"x\"}}",
		"{\"metadata\":{\"name\":\"\",\"namespace\":\"n\",\"uid\":\"cc1f800f-00d3-4c27-a123-"
		"4fd670a1973a\"}}",
		"{\"metadata\":{\"name\":\"p\",\"uid\":\"cc1f800f-00d3-4c27-a123-4fd670a1973a\"}}",
		"{\"metadata\":{\"name\":\"p\",\"namespace\":\"n\",\"uid\":\"cc1f800f-00d3-4c27-a123-"
		"4fd670a1973a\",\"labels\":{\"a\":1}}}",
		"{\"metadata\":{\"name\":\"p\",\"namespace\":\"n\",\"uid\":\"cc1f800f-00d3-4c27-a123-"
		"4fd670a1973acc1f800f-00d3\"}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		json_t *o = json_loads(texts[i], 0, NULL);

		assert_non_null(o);
		assert_null(pod_new(o, &rules));
		json_decref(o);
	}
}

#define C(context)                                                                                           \
	",\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\":\"c\",\"securityContext\":{" context "}}]}"
#define ADD(cap) C("\"capabilities\":{\"add\":[\"CHOWN\",\"" cap "\"]}")
#define VOL(path)                                                                                            \
	",\"spec\":{\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}},{\"name\":\"w\",\"hostPath\":{\"path\":"   \
	"\"" path "\"}}]}"

static void what_gets_round(void **state)
{
	static const struct {
		const char *rest, *why; /* a part of it; NULL: nothing */
	} rows[] = {
		{"", NULL},
		{C("\"privileged\":false,\"capabilities\":{\"add\":[\"NET_BIND_SERVICE\"],\"drop\":[\"ALL\"]"
		   "}"),
			NULL},
		{C("\"privileged\":true"), "container c is privileged"},
		{",\"spec\":{\"initContainers\":[{\"name\":\"i\",\"securityContext\":{\"privileged\":true}}]"
		 "}",
			"container i is privileged"},
		{",\"spec\":{\"ephemeralContainers\":[{\"name\":\"e\",\"securityContext\":{\"privileged\":"
		 "true}}]}",
			"container e is privileged"},
		{ADD("SYS_ADMIN"), "SYS_ADMIN"},
		{ADD("sys_admin"), "SYS_ADMIN"},
		{ADD("CAP_NET_ADMIN"), "NET_ADMIN"},
		{ADD("cap_bpf"), "BPF"},
		{ADD("All"), "ALL"},
		{ADD("SYS_PTRACE"), "SYS_PTRACE"},
		{ADD("NET_RAW"), NULL},
		{C("\"capabilities\":{\"add\":[7]}"), "ALL"},
		{C("\"procMount\":\"Default\""), NULL},
		{C("\"procMount\":\"Unmasked\""), "/proc"},
		{",\"spec\":{\"hostPID\":true}", "hostPID"},
		{",\"spec\":{\"hostNetwork\":true,\"hostIPC\":true}", NULL},
		{VOL("/data"), NULL},
		{VOL("/mnt/x/"), NULL},
		{VOL("/"), "the node's /"},
		{VOL("/sys"), "/sys"},
		{VOL("/sys/fs/cgroup"), "/sys/fs/cgroup"},
		{VOL("/sys/fs/cgroup/kubepods.slice/"), "kubepods.slice"},
		{VOL("/sys/fs/bpf/pgveil"), "bpf"},
		{VOL("/sys/fs/cgroupx"), NULL},
		{VOL("/run"), "/run"},
		{VOL("/var/run/containerd/containerd.sock"), "/run/containerd"},
		{VOL("/var/run"), "/run"},
		{VOL("/var/running"), NULL},
		{VOL("/var"), "/var"},
		{VOL("/var/lib/kubelet/pods"), "kubelet"},
		{VOL("/data/../proc"), "/data/../proc"},
		{VOL("/data/./x"), "/data/./x"},
		{VOL("//proc"), "//proc"},
		{VOL("proc"), "proc"},
		{VOL("/dev/sda"), "/dev/sda"},
		{",\"spec\":{\"runtimeClassName\":\"runc\"}", NULL},
		{",\"spec\":{\"runtimeClassName\":\"gvisor\"}", "runtime class gvisor"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pod *p = made("", rows[i].rest, &rules);

		assert_non_null(p);
		if (!rows[i].why != !p->escape || (p->escape && !strstr(p->escape, rows[i].why)))
			fail_msg("%s: %s", rows[i].rest, p->escape ? p->escape : "nothing");
		pod_unref(p);
	}
}

static void net_raw_by_rule(void **state)
{
	const struct pod_rules strict = {.deny_net_raw = true};
	static const struct {
		const char *rest;
		bool found;
	} rows[] = {
		{C("\"privileged\":false"), true},
		{",\"spec\":{\"containers\":[{\"name\":\"a\",\"securityContext\":{\"capabilities\":{\"drop\":"
		 "[\"ALL\"]}}}]}",
			false},
		{",\"spec\":{\"containers\":[{\"name\":\"a\",\"securityContext\":{\"capabilities\":{\"drop\":"
		 "[\"cap_net_raw\"]}}}]}",
			false},
		{",\"spec\":{\"containers\":[{\"name\":\"a\",\"securityContext\":{\"capabilities\":{\"drop\":"
		 "[\"ALL\"],\"add\":[\"NET_RAW\"]}}}]}",
			true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pod *p = made("", rows[i].rest, &strict);

		assert_non_null(p);
		assert_int_equal(p->escape != NULL, rows[i].found);
		pod_unref(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_read),
		cmocka_unit_test(static_pods),
		cmocka_unit_test(what_is_no_pod),
		cmocka_unit_test(what_gets_round),
		cmocka_unit_test(net_raw_by_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
