/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/attr.h"
#include "kube/pod_path.h"

#define UID  "cc1f800f-00d3-4c27-a123-4fd670a1973a"
#define UID_ "cc1f800f_00d3_4c27_a123_4fd670a1973a"
#define HASH "0123456789abcdef0123456789abcdef"
#define ID   "4a1c8f7e6d5b4c3a2918070605040302010f0e0d0c0b0a090807060504030201"

static void known_layouts(void **state)
{
	static const struct {
		const char *dir, *below, *uid;
	} rows[] = {
		/* systemd: containerd, CRI-O, docker, each class of service */
		{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice",
			"/cri-containerd-" ID ".scope", UID},
		{"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_ ".slice",
			"/crio-" ID ".scope", UID},
		{"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_ ".slice",
			"/crio-" ID ".scope/container", UID},
		{"/kubepods.slice/kubepods-pod" UID_ ".slice", "/docker-" ID ".scope", UID},
		/* cgroupfs */
		{"/kubepods/burstable/pod" UID, "/" ID, UID},
		{"/kubepods/besteffort/pod" UID, "/crio-" ID, UID},
		{"/kubepods/pod" UID, "/" ID, UID},
		/* kind, minikube, containerd whose driver is not the kubelet's */
		{"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
		 "kubelet-kubepods-burstable-pod" UID_ ".slice",
			"/cri-containerd-" ID ".scope", UID},
		{"/docker/" ID "/kubepods/burstable/pod" UID, "/" ID, UID},
		{"/system.slice/docker-" ID
		 ".scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" UID_ ".slice",
			"/cri-containerd-" ID ".scope", UID},
		{"/kubepods/burstable/pod" UID, "/kubepods-burstable-pod" UID_ ".slice:cri-containerd:" ID,
			UID},
		/* a static pod: the hash of its file */
		{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" HASH ".slice",
			"/cri-containerd-" ID ".scope", HASH},
		{"/kubepods/burstable/pod" HASH, "/" ID, HASH},
		/* capital letters */
		{"/kubepods/podCC1F800F-00D3-4C27-A123-4FD670A1973A", "", UID},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pod_path p;
		char path[512];

		for (int below = 0; below < 2; below++) {
			snprintf(path, sizeof(path), "%s%s", rows[i].dir, below ? rows[i].below : "");
			assert_true(pod_path_read(path, &p));
			assert_string_equal(p.uid, rows[i].uid);
			assert_int_equal(p.len, strlen(rows[i].dir));
			assert_int_equal(p.inner, below && rows[i].below[0]);
		}
	}
}

static void what_is_no_pod(void **state)
{
	static const char *const paths[] = {
		"",
		"/",
		"/kubepods",
		"/kubepods.slice",
		"/kubepods.slice/kubepods-burstable.slice",
		"/kubepods/pod",
		"/kubepods/podX",
		"/system.slice/pod.service",
		"/kubepods/pod" UID "0",
		"/kubepods/pod" UID "x",
		"/kubepods/pod" UID ".scope",
		"/kubepods/pod" UID ".slicex",
		"/kubepods/xpod" UID,
		"/kubepods/pod" HASH "0",
		"/kubepods/pod0123456789abcdef",
		"/kubepods/pod" HASH "-0",
		"/" ID,
		"/podman/" ID,
		"/kubepods/podcc1f800f-00d3-4c27-a123-4fd670a1973",
		"/kubepods/podcc1f800f000d3-4c27-a123-4fd670a1973a",
	};
	struct pod_path p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		assert_false(pod_path_read(paths[i], &p));
}

/* Who may make cgroups inside a container may call one as another pod is called. */
static void the_outermost_counts(void **state)
{
	struct pod_path p;

	(void)state;
	assert_true(pod_path_read("/kubepods/pod" UID "/" ID "/pod" HASH "/x", &p));
	assert_string_equal(p.uid, UID);
	assert_int_equal(p.len, strlen("/kubepods/pod" UID));
	assert_true(p.inner);
}

/* Of which directory all pods are below, by where one of them is. */
static void the_root(void **state)
{
	static const struct {
		const char *path, *root; /* "": none */
	} rows[] = {
		{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_
		 ".slice/cri-containerd-" ID ".scope",
			"/kubepods.slice"},
		{"/kubepods/burstable/pod" UID "/" ID, "/kubepods"},
		{"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" UID_ ".slice",
			"/kubelet.slice/kubelet-kubepods.slice"},
		{"/docker/" ID "/kubepods/pod" UID "/" ID, "/docker/" ID "/kubepods"},
		/* below the pod it is the pod's own doing */
		{"/kubepods/pod" UID "/" ID "/kubepods/pod" HASH, "/kubepods"},
		{"/pods/pod" UID "/kubepods", ""},
		{"/system.slice/pgveild.service", ""},
		{"/kubepods", ""},
		{"/xkubepods/pod" UID, ""},
		{"/kubepods.slicex/pod" UID, ""},
		{"/pod" UID, ""},
		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(pod_root_length(rows[i].path), strlen(rows[i].root));
		assert_memory_equal(rows[i].path, rows[i].root, strlen(rows[i].root));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_layouts),
		cmocka_unit_test(what_is_no_pod),
		cmocka_unit_test(the_outermost_counts),
		cmocka_unit_test(the_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
