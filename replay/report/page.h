/* SPDX-License-Identifier: BSD-2-Clause */
/* page.h: page.html, page.css and page.js as strings, made at build time. */
#ifndef PROCREC_REPLAY_REPORT_PAGE_H
#define PROCREC_REPLAY_REPORT_PAGE_H

extern const char pr_page_html[], pr_page_css[], pr_page_js[];

#endif
