/* SPDX-License-Identifier: MIT */
/* command: the commands that talk to the daemon or to the kernel. argv[0] is the command's name; each returns
 * the exit status: 0 done, 1 failed, 2 used wrongly. */
#ifndef PGVEIL_CLI_COMMAND_H
#define PGVEIL_CLI_COMMAND_H

#include "cli/settings.h"

int cli_run(struct settings *s, int argc, char **argv);
int cli_enroll(struct settings *s, int argc, char **argv);
int cli_unenroll(struct settings *s, int argc, char **argv);
int cli_status(struct settings *s, int argc, char **argv);
int cli_flows(struct settings *s, int argc, char **argv);
int cli_events(struct settings *s, int argc, char **argv);
int cli_metrics(struct settings *s, int argc, char **argv);
int cli_doctor(struct settings *s, int argc, char **argv);
int cli_reload(struct settings *s, int argc, char **argv);
int cli_splice(struct settings *s, int argc, char **argv);
int cli_sessions(struct settings *s, int argc, char **argv);
int cli_approvals(struct settings *s, int argc, char **argv);
int cli_grants(struct settings *s, int argc, char **argv);
int cli_token(struct settings *s, int argc, char **argv);
int cli_ready(struct settings *s, int argc, char **argv);
int cli_wait(struct settings *s, int argc, char **argv);
int cli_uninstall(struct settings *s, int argc, char **argv);

/* For their help. */
extern const char run_help[], enroll_help[], unenroll_help[], status_help[], flows_help[], events_help[],
	metrics_help[], doctor_help[], reload_help[], splice_help[], sessions_help[], approvals_help[],
	grants_help[], token_help[], ready_help[], wait_help[], uninstall_help[];

#endif
