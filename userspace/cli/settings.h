/* SPDX-License-Identifier: MIT */
/* settings: the options that every command takes, before its name or after it. */
#ifndef PGVEIL_CLI_SETTINGS_H
#define PGVEIL_CLI_SETTINGS_H

#include <getopt.h>
#include <stdbool.h>

struct settings {
	const char *run_dir; /* where the daemon's admin socket is */
	const char *pin_dir; /* where its programs and maps are pinned */
	bool json;
};

enum { SETTING_RUN_DIR = 1000, SETTING_PIN_DIR, SETTING_JSON };

#define SETTINGS_OPTIONS                                                                                     \
	{"run-dir", required_argument, NULL, SETTING_RUN_DIR},                                               \
		{"pin-dir", required_argument, NULL, SETTING_PIN_DIR},                                       \
	{                                                                                                    \
		"json", no_argument, NULL, SETTING_JSON                                                      \
	}

/* What getopt_long gave; false: none of these. */
static inline bool settings_take(struct settings *s, int c)
{
	switch (c) {
	case SETTING_RUN_DIR: s->run_dir = optarg; return true;
	case SETTING_PIN_DIR: s->pin_dir = optarg; return true;
	case SETTING_JSON: s->json = true; return true;
	default: return false;
	}
}

#endif
