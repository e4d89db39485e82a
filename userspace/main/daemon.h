/* SPDX-License-Identifier: MIT */
/* daemon: what pgveild is made of, for the files that put it together. */
#ifndef PGVEIL_MAIN_DAEMON_H
#define PGVEIL_MAIN_DAEMON_H

#include <jansson.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "ctl/report.h"
#include "kern/splice.h"
#include "main/options.h"

struct daemon {
	struct options opt;
	char **argv;
	char program[PATH_MAX]; /* where it was started from: what is there later may be a newer one */
	char mount[PATH_MAX], root[PATH_MAX];
	int lock_fd; /* on the pin directory: one daemon for one set of pins */
	bool in_charge;
	_Atomic unsigned tenure; /* enum tenure (policy/tenure.h) */
	struct policy *policy;
	struct kern *kern;
	struct netns_thread *netns;
	struct resolver *resolver;
	struct feeds *feeds;
	struct recall *recall;
	struct budget *budget;
	struct recorder *recorder;
	struct ship *ship;       /* NULL: recordings stay here */
	struct scribe **scribes; /* the recorder's, one for each worker */
	struct keeper *keeper;   /* of what is exported */
	struct splicer *splicer;
	struct splice_verdict splice_verdict;
	struct workers *workers;
	struct book *book; /* of this node's pods; NULL: it is no node of a cluster */
	int book_changed_fd;
	struct kube *kube;
	struct kube_policy *kube_policy; /* NULL: the policy is of files alone */
	struct kube_event *kube_event;   /* NULL: pods are told nothing */
	struct budget_cluster *budgets;  /* NULL: export windows are this node's alone */
	struct cluster *cluster;         /* of approvals; NULL: they are this daemon's alone */
	struct control *control;
	struct audit *audit;
	struct enrol *enrol;
	struct guard *guard;
	struct sweep *sweep;
	bool unguarded; /* and cannot be guarded again: the end */
	struct report report;
	struct file_watch *watch; /* of the policy's files */
	json_t *complaints;       /* of the last reload; NULL: none */
	struct events *events;
	struct webhook *webhook;
	struct approvals *approvals;
	struct approvals_api *approvals_api;
	struct api *api; /* over HTTPS; NULL: nobody asked for one */
	struct admin *admin;
	struct scrape *scrape;
	struct watchdog *watchdog; /* NULL: nobody asked for one */
	struct takeover *takeover; /* from the daemon before this one; NULL: there was none */
	struct handover *handover; /* to the one after it */
	struct overlap *overlap;
	uint64_t drain_until_ms; /* 0: nobody has taken over */
	bool told_to_end;
	uint64_t refusals_since_ms;
	unsigned refusals;
};

/* Captured in a cluster before anybody knows an object: most likely somebody connects there first. */
#define DAEMON_USUAL_PORT 5432

/* The ports of the databases that the policy names; to be freed. NULL: no memory. */
uint16_t *daemon_ports(const struct daemon *d, unsigned *n, struct err *e);
/* Whoever started us hears of it. */
void ready_say(struct daemon *d);
/* systemd's protocol (sd_notify(3)): a datagram to the socket that the environment names. */
void ready_notify(const char *text);
/* What is said again soon: where nobody listens just now it is left out. */
void ready_remind(const char *text);

#endif
