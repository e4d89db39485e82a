/* SPDX-License-Identifier: MIT */
/* programs OBJECT [OWN...]: a line "NAME INSTRUCTIONS LINKS" for each program of the object files,
 * INSTRUCTIONS being those that the verifier went through. Those of OBJECT somebody has loaded and attached:
 * the running kernel is asked for them by name; "-" where it has none. Those of OWN are loaded here, and sit
 * on sockets, not on links. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static unsigned links_of(__u32 prog_id)
{
	__u32 id = 0;
	unsigned n = 0;

	while (bpf_link_get_next_id(id, &id) == 0) {
		struct bpf_link_info info = {0};
		__u32 len = sizeof(info);
		int fd = bpf_link_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.prog_id == prog_id)
			n++;
		close(fd);
	}
	return n;
}

static int info_of(int fd, struct bpf_prog_info *info)
{
	__u32 len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return bpf_obj_get_info_by_fd(fd, info, &len);
}

/* The kernel keeps the first 15 bytes of a name. */
static void look_for(const char *name)
{
	struct bpf_prog_info info;
	__u32 id = 0, verified = 0;
	unsigned found = 0, links = 0;

	while (bpf_prog_get_next_id(id, &id) == 0) {
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (info_of(fd, &info) == 0 && strncmp(info.name, name, sizeof(info.name) - 1) == 0) {
			found++;
			verified = info.verified_insns > verified ? info.verified_insns : verified;
			links += links_of(id);
		}
		close(fd);
	}
	if (found)
		printf("%s %u %u\n", name, verified, links);
	else
		printf("%s - 0\n", name);
}

static int load(const char *path)
{
	struct bpf_object *obj = bpf_object__open(path);
	struct bpf_program *prog;
	struct bpf_prog_info info;
	int r = obj ? bpf_object__load(obj) : -errno;

	if (r)
		fprintf(stderr, "programs: %s: %s\n", path, strerror(-r));
	if (obj) {
		bpf_object__for_each_program(prog, obj)
		{
			if (!r && info_of(bpf_program__fd(prog), &info) == 0)
				printf("%s %u -\n", bpf_program__name(prog), info.verified_insns);
			else
				printf("%s - -\n", bpf_program__name(prog));
		}
	}
	bpf_object__close(obj);
	return r;
}

int main(int argc, char **argv)
{
	struct bpf_object *obj = argc >= 2 ? bpf_object__open(argv[1]) : NULL;
	struct bpf_program *prog;
	int r = 0;

	if (!obj) {
		fprintf(stderr, "programs: OBJECT expected: %s\n", strerror(errno));
		return 2;
	}
	bpf_object__for_each_program(prog, obj) look_for(bpf_program__name(prog));
	bpf_object__close(obj);
	for (int i = 2; i < argc; i++)
		r |= load(argv[i]);
	return r ? 1 : 0;
}
