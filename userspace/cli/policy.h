/* SPDX-License-Identifier: MIT */
/* policy: `pgveil policy check|test|explain|learn`: policies judged and proposed offline, without root,
 * daemon or database. */
#ifndef PGVEIL_CLI_POLICY_H
#define PGVEIL_CLI_POLICY_H

/* argv[0] is "policy". The exit status: 0 fine, 1 not, 2 used wrongly. */
int cli_policy(int argc, char **argv);

/* The verbs; argv[0] is the verb. */
int policy_check(int argc, char **argv);
int policy_test(int argc, char **argv);
int policy_explain(int argc, char **argv);
int policy_learn(int argc, char **argv);

#endif
