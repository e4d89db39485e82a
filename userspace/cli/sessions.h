/* SPDX-License-Identifier: MIT */
/* sessions: what the verbs of `pgveil sessions` share: where the recordings are, which of them, and how they
 * are shown. */
#ifndef PGVEIL_CLI_SESSIONS_H
#define PGVEIL_CLI_SESSIONS_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include "cli/settings.h"
#include "record/index.h"

struct sessions {
	const struct settings *settings;
	char dir[PATH_MAX]; /* of the recordings */
	bool has_key, has_signer, has_head;
	uint8_t key[CIPHER_KEY], signer[SEAL_PUBLIC], head[ENTRY_HASH];
	struct index_filter filter;
	bool limited, anew, step;
	double speed;
	const char *format, *output;
	const char *from, *endpoint, *region, *credentials, *ca, *node; /* of a store */
	uint64_t file_max, files_max;                                   /* of it; 0: was not said */
	bool plain, here;                                               /* here: --recordings was said */
	const char *id;                                                 /* as it was given */
	uint32_t run;                                                   /* and what it says; 0: none was */
	uint64_t session;
};

/* Each returns the exit status. */
int sessions_ls(struct sessions *s);
int sessions_show(struct sessions *s);
int sessions_verify(struct sessions *s);
int sessions_verify_store(struct sessions *s);
int sessions_replay(struct sessions *s);
int sessions_export(struct sessions *s);
int sessions_tail(struct sessions *s);
int sessions_kill(struct sessions *s);
int sessions_fetch(struct sessions *s);

/* Proves the recording in s->dir: what came of it is printed, or (with --json) put into out. */
int sessions_verify_here(struct sessions *s, json_t *out);
/* "pgveil: …" on stderr; 1. */
int sessions_fail(const struct err *e);
/* Opens the index, and says what it found wrong. */
MUSTCHECK int sessions_index(struct sessions *s, struct index **out, struct err *e);
/* The session that was asked for, where its records are; -ENOENT. Texts are not kept. */
MUSTCHECK int sessions_find(struct sessions *s, struct indexed_session *out, struct err *e);

/* An Ed25519 public key: its 32 bytes, these in hexadecimal, or PEM as openssl writes it. */
MUSTCHECK int sessions_take_signer(struct sessions *s, const char *file, struct err *e);
/* An age, or a time as it is; 0: it is neither. */
uint64_t sessions_take_time(const char *text);
/* "3-17" */
bool sessions_take_id(struct sessions *s, const char *id);

/* "2026-11-30 04:02:57", in UTC; with fraction: "2026-11-30T04:02:57.123456Z". */
const char *sessions_time(char out[40], uint64_t us, bool fraction);
/* "12us", "3.4ms", "1.2s", "4m 10s", "3h 12m" */
const char *sessions_span(char out[24], uint64_t us);
/* A string; what is no UTF-8 in it becomes U+FFFD. */
json_t *sessions_json_text(struct span text);
/* The fields of a record: numbers, texts, and what may be several times as an array. */
json_t *sessions_json_body(struct span body);

#endif
