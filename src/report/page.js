// SPDX-License-Identifier: Apache-2.0
// What the script adds to a page that can be read without it: tables sorted by a click on a
// heading, the fleet filtered by words and verdict.
'use strict';
(() => {
const value = (row, i) => row.cells[i].dataset.v ?? row.cells[i].textContent.trim();
const isNumber = text => text !== '' && !isNaN(text);
const compare = (a, b) => isNumber(a) && isNumber(b) ? a - b : a.localeCompare(b, 'en');
const sort = (table, column, down) => {
  const rows = [...table.tBodies[0].rows].map(row => [value(row, column), row]);
  rows.sort((a, b) => down ? compare(b[0], a[0]) : compare(a[0], b[0]));
  table.tBodies[0].append(...rows.map(pair => pair[1]));
  [...table.tHead.rows[0].cells].forEach((head, i) => {
    if (i === column) head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    else head.removeAttribute('aria-sort');
  });
};
for (const table of document.querySelectorAll('table')) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = head.textContent;
    button.addEventListener('click', () =>
      sort(table, column, head.getAttribute('aria-sort') === 'ascending'));
    head.replaceChildren(button);
  });
}
const fleet = document.getElementById('fleet-table');
const controls = document.getElementById('fleet-controls');
if (!fleet || !controls) return;
const rows = [...fleet.tBodies[0].rows].map(row => [row, row.textContent.toLowerCase()]);
const [words, verdict, order, told] = ['words', 'verdict', 'order', 'told'].map(
  name => document.getElementById('fleet-' + name));
const filter = () => {
  const wanted = words.value.toLowerCase().split(/\s+/).filter(word => word);
  let shown = 0;
  for (const [row, text] of rows) {
    row.hidden = !(wanted.every(word => text.includes(word)) &&
      (verdict.value === '' || verdict.value.split(' ').includes(row.dataset.verdict)));
    shown += !row.hidden;
  }
  told.textContent = shown + ' of ' + rows.length + ' shown';
};
[...fleet.tHead.rows[0].cells].forEach((head, i) =>
  order.add(new Option(head.textContent, i)));
words.addEventListener('input', filter);
verdict.addEventListener('change', filter);
order.addEventListener('change', () => {
  if (order.value !== '') sort(fleet, Number(order.value), false);
});
controls.hidden = false;
filter();
})();
