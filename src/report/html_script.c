/* SPDX-License-Identifier: Apache-2.0
 *
 * What the script adds to a page that can be read without it: tables sorted by a click on a
 * heading, the fleet filtered by words and verdict. When this is changed, HTML_SCRIPT_HASH changes
 * too: test_html.c tells the new one.
 */
#include "html_internal.h"

const char *const html_script_parts[] = {
    "'use strict';\n"
    "(() => {\n"
    "const value = (row, i) => row.cells[i].dataset.v ?? row.cells[i].textContent.trim();\n"
    "const isNumber = text => text !== '' && !isNaN(text);\n"
    "const compare = (a, b) => isNumber(a) && isNumber(b) ? a - b : a.localeCompare(b, 'en');\n"
    "const sort = (table, column, down) => {\n"
    "  const rows = [...table.tBodies[0].rows].map(row => [value(row, column), row]);\n"
    "  rows.sort((a, b) => down ? compare(b[0], a[0]) : compare(a[0], b[0]));\n"
    "  table.tBodies[0].append(...rows.map(pair => pair[1]));\n"
    "  [...table.tHead.rows[0].cells].forEach((head, i) => {\n"
    "    if (i === column) head.setAttribute('aria-sort', down ? 'descending' : 'ascending');\n"
    "    else head.removeAttribute('aria-sort');\n"
    "  });\n"
    "};\n"
    "for (const table of document.querySelectorAll('table')) {\n"
    "  [...table.tHead.rows[0].cells].forEach((head, column) => {\n"
    "    const button = document.createElement('button');\n"
    "    button.type = 'button';\n"
    "    button.textContent = head.textContent;\n"
    "    button.addEventListener('click', () =>\n"
    "      sort(table, column, head.getAttribute('aria-sort') === 'ascending'));\n"
    "    head.replaceChildren(button);\n"
    "  });\n"
    "}\n"
    "const fleet = document.getElementById('fleet-table');\n"
    "const controls = document.getElementById('fleet-controls');\n"
    "if (!fleet || !controls) return;\n"
    "const rows = [...fleet.tBodies[0].rows].map(row => [row, row.textContent.toLowerCase()]);\n"
    "const [words, verdict, order, told] = ['words', 'verdict', 'order', 'told'].map(\n"
    "  name => document.getElementById('fleet-' + name));\n"
    "const filter = () => {\n"
    "  const wanted = words.value.toLowerCase().split(/\\s+/).filter(word => word);\n"
    "  let shown = 0;\n"
    "  for (const [row, text] of rows) {\n"
    "    row.hidden = !(wanted.every(word => text.includes(word)) &&\n"
    "      (verdict.value === '' || verdict.value.split(' ').includes(row.dataset.verdict)));\n"
    "    shown += !row.hidden;\n"
    "  }\n"
    "  told.textContent = shown + ' of ' + rows.length + ' shown';\n"
    "};\n"
    "[...fleet.tHead.rows[0].cells].forEach((head, i) =>\n"
    "  order.add(new Option(head.textContent, i)));\n"
    "words.addEventListener('input', filter);\n"
    "verdict.addEventListener('change', filter);\n"
    "order.addEventListener('change', () => {\n"
    "  if (order.value !== '') sort(fleet, Number(order.value), false);\n"
    "});\n"
    "controls.hidden = false;\n"
    "filter();\n"
    "})();\n",

    NULL,
};
