/* SPDX-License-Identifier: MIT */
/* made: the mark on cgroups that `pgveil run` made: an extended attribute, which lives as long as the
 * directory whoever started the daemon, and whatever became of its state. */
#ifndef PGVEIL_BASE_MADE_H
#define PGVEIL_BASE_MADE_H

#define MADE_MARK "trusted.pgveil.made"

#endif
