/* SPDX-License-Identifier: MIT */
#include "kube/pod_path.h"

#include <ctype.h>
#include <string.h>

#define HASH_DIGITS 32u

/* A UUID with "-" (cgroupfs) or "_" (systemd, to which "-" is a level), or the hash of a static pod's file.
 * How many characters it has; 0: neither. */
static size_t uid_length(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && isxdigit((unsigned char)s[i]))
		i++;
	if (i >= HASH_DIGITS)
		return i == HASH_DIGITS ? i : 0;
	for (i = 0; i < 36 && i < n; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' && s[i] != '_' : !isxdigit((unsigned char)s[i]))
			return 0;
	}
	return i == 36 ? i : 0;
}

static bool read_component(const char *c, size_t n, char uid[POD_UID_MAX])
{
	static const char slice[] = ".slice";
	size_t len = 0, at = 0;

	for (; at + 3 < n && !len; at++) {
		if (memcmp(c + at, "pod", 3) == 0 && (at == 0 || c[at - 1] == '-'))
			len = uid_length(c + at + 3, n - at - 3);
	}
	if (!len)
		return false;
	at += 2; /* behind "pod" */
	n -= at + len;
	if (n && (n != sizeof(slice) - 1 || memcmp(c + at + len, slice, n) != 0))
		return false;
	for (size_t i = 0; i < len; i++)
		uid[i] = c[at + i] == '_' ? '-' : (char)tolower((unsigned char)c[at + i]);
	uid[len] = '\0';
	return true;
}

bool pod_path_read(const char *path, struct pod_path *out)
{
	const char *c = path, *end;

	for (; *c; c = *end ? end + 1 : end) {
		end = strchrnul(c, '/');
		if (read_component(c, (size_t)(end - c), out->uid)) {
			out->len = (size_t)(end - path);
			out->inner = end[0] && end[1];
			return true;
		}
	}
	return false;
}

static bool ends_with(const char *s, size_t n, const char *suffix)
{
	size_t k = strlen(suffix);

	return n >= k && memcmp(s + n - k, suffix, k) == 0;
}

bool pod_root_name(const char *name, size_t n)
{
	static const char cgroupfs[] = "kubepods", systemd[] = "kubepods.slice";

	return (n == sizeof(cgroupfs) - 1 && memcmp(name, cgroupfs, n) == 0) ||
	       (n == sizeof(systemd) - 1 && memcmp(name, systemd, n) == 0) ||
	       ends_with(name, n, "-kubepods.slice");
}

size_t pod_root_length(const char *path)
{
	struct pod_path pp;
	const char *c, *end;

	if (!pod_path_read(path, &pp))
		return 0;
	for (c = path; *c && (size_t)(c - path) < pp.len; c = *end ? end + 1 : end) {
		end = strchrnul(c, '/');
		if (pod_root_name(c, (size_t)(end - c)) && (size_t)(end - path) < pp.len)
			return (size_t)(end - path);
	}
	return 0;
}
