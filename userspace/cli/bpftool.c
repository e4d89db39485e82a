/* SPDX-License-Identifier: MIT */
#include "cli/bpftool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX 16

static int read_all(int fd, char **out, size_t *len)
{
	size_t cap = 0;
	ssize_t n;

	*out = NULL;
	*len = 0;
	for (;;) {
		if (cap - *len < 4096) {
			char *grown = realloc(*out, cap = cap ? 2 * cap : 65536);

			if (!grown)
				return -ENOMEM;
			*out = grown;
		}
		n = read(fd, *out + *len, cap - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		*len += (size_t)n;
	}
}

static _Noreturn void become(const char *const *args, int out)
{
	const char *argv[ARGS_MAX + 3] = {"bpftool", "-j"};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; args[i] && i < ARGS_MAX; i++)
		argv[i + 2] = args[i];
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execvp("bpftool", (char *const *)argv);
	/* Debian keeps it where only root's PATH looks. */
	execv("/usr/sbin/bpftool", (char *const *)argv);
	_exit(127);
}

/* With -j, bpftool's failures are JSON too: {"error": "…"}. */
static int judge(int status, json_t *out, const char *const *args, struct err *e)
{
	const char *why = json_string_value(json_object_get(out, "error"));
	/* `link show` of one link ends with what errno happens to be, also when it has shown it. */
	bool shown = out && strcmp(args[1], "show") == 0;

	if (WIFEXITED(status) && (WEXITSTATUS(status) == 0 || shown) && !why)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127 && !out)
		return err_set(e, -ENOENT, "bpftool is not installed");
	return err_set(e, -EREMOTEIO, "bpftool %s %s: %s", args[0], args[1], why ? why : "failed");
}

int bpftool_run(const char *const *args, json_t **out, struct err *e)
{
	int pipe_fd[2], status = 0, r;
	size_t len;
	char *text;
	pid_t pid;

	*out = NULL;
	if (pipe2(pipe_fd, O_CLOEXEC) < 0)
		return err_set(e, -errno, "pipe: %m");
	pid = fork();
	if (pid == 0)
		become(args, pipe_fd[1]);
	close(pipe_fd[1]);
	r = pid < 0 ? -errno : read_all(pipe_fd[0], &text, &len);
	close(pipe_fd[0]);
	if (pid < 0)
		return err_set(e, r, "fork: %s", strerror(-r));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!r) {
		*out = len ? json_loadb(text, len, JSON_ALLOW_NUL, NULL) : NULL;
		r = judge(status, *out, args, e);
	} else {
		err_set(e, r, "bpftool: %s", strerror(-r));
	}
	free(text);
	if (r) {
		json_decref(*out);
		*out = NULL;
	}
	return r;
}
