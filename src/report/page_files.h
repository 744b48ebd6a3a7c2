/* SPDX-License-Identifier: Apache-2.0
 *
 * page.css and page.js, embedded by the build (.ci/embed.pl).
 */
#ifndef REPORT_PAGE_FILES_H
#define REPORT_PAGE_FILES_H

/* The text between the tags. */
extern const char page_css[];
extern const char page_js[];
/* Of these bytes: "sha256-..." in base 64, as a Content-Security-Policy wants it. */
extern const char page_css_hash[];
extern const char page_js_hash[];

#endif
