/* SPDX-License-Identifier: MIT */
/* export_page: how the HTML page looks, and how one finds something in it. Nothing recorded is in here. */
#ifndef PGVEIL_CLI_EXPORT_PAGE_H
#define PGVEIL_CLI_EXPORT_PAGE_H

extern const char export_page_style[], export_page_script[];

#endif
